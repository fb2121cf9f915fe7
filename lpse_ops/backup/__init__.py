"""The restic-format repository: formats, storage, archiver, restorer, check."""
