"""Every expected failure, each with a hint that says what to type or which file to open.

Only ``cli/main.py`` prints them and picks the exit code.  Messages and hints never hold a secret.
"""


class OpsError(Exception):
    """Something the user can act on: ``message`` says what is wrong, ``hint`` what to do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OpsError):
    """The command line asks for something that makes no sense."""


class NothingFound(OpsError):
    """What was named, such as a record by its id, is not there."""


class SettingsError(OpsError):
    """``lpse-ops.yml`` or the inventory is missing, unreadable or wrong."""


class SettingsNotFilledIn(SettingsError):
    """Nothing is wrong with ``lpse-ops.yml`` but that some keys are still empty."""


class ProcessFailed(OpsError):
    """A program that we run is missing, cannot start or ended with an error."""


class PostgresError(OpsError):
    """A database cannot be reached, dumped or restored."""


class StorageError(OpsError):
    """The place where a repository lives cannot be read or written."""


class StorageUnavailable(StorageError):
    """The place does not answer just now: the same may well work a little later.

    ``silent_seconds`` is how long it was waited for in vain before this was raised.
    """

    silent_seconds: float = 0.0


class StorageRefused(StorageError):
    """The place does not let us: credentials, a policy, a retention; asking again is no use."""


class FileMissing(StorageError):
    """A file of the repository is not where it should be."""


class RepositoryError(OpsError):
    """The repository says no: it exists already, holds no such snapshot, and so on."""


class RepositoryMissing(RepositoryError):
    """There is no repository at the location."""


class RepositoryLocked(RepositoryError):
    """Another process holds a lock that conflicts with ours."""


class WrongPassword(RepositoryError):
    """No key file of the repository opens with the password."""


class DamagedRepository(RepositoryError):
    """Stored bytes are not what was written: a failed MAC, hash, length or syntax."""


class SourceUnreadable(OpsError):
    """What should be backed up does not exist or cannot be read at all."""


class RestoreFailed(OpsError):
    """A restore could not write, or what it wrote is not what was stored."""


class InventoryError(SettingsError):
    """The inventory, or a pattern of hosts, is not what it should be."""


class VaultError(OpsError):
    """A vault file or value is damaged, or no secret opens it."""


class LedgerError(OpsError):
    """The signed log cannot be written, or what it holds was changed."""


class SignatureInvalid(OpsError):
    """A signature is damaged, or of something else than it should be."""


class PlaybookError(OpsError):
    """A playbook, role or task file cannot be read, or asks for what there is not."""


class TemplateError(PlaybookError):
    """A template or an expression cannot be evaluated; ``origin`` is the place it was written."""

    def __init__(self, message: str, *, hint: str, origin: object = None) -> None:
        super().__init__(message, hint=hint)
        self.origin = origin


class HostUnreachable(OpsError):
    """No connection to a host, or it broke; what was asked last may have been done."""


class InterpreterMissing(HostUnreachable):
    """The host has no Python of the name that was given; as in Ansible, the task has failed."""


class PaperError(OpsError):
    """A letter or minutes cannot be made: a value, a template or a library is not there."""


class PolicyRefused(OpsError):
    """It could be done, but a rule of the site or of safety forbids it."""


class PackageRefused(PolicyRefused):
    """A package of SPSE is damaged or hostile, or not the one that it should be."""


class PackageError(OpsError):
    """A package of SPSE, or what judges it, cannot be read."""


class ReleaseError(OpsError):
    """A release of SPSE cannot be unpacked, read or switched to."""
