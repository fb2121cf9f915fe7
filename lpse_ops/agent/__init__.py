"""What runs on a managed host: sent there as source, kept in memory, no file left behind."""
