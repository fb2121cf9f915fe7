"""A host as a connection needs to know it."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Become:
    """Another account to work as; an empty ``exe`` means the method's own program."""

    method: str = "sudo"
    user: str = "root"
    password: str | None = field(default=None, repr=False)
    exe: str = ""
    flags: str | None = None


@dataclass(frozen=True)
class Target:
    """Where and how to connect; empty and None leave it to the connection's own settings.

    ``connection`` is ``local``, ``ssh`` (OpenSSH's program where its options ask for it) or
    ``paramiko``.  ``host_key_checking`` False accepts any host key.
    """

    name: str
    connection: str = "ssh"
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str | None = field(default=None, repr=False)
    private_key_file: Path | None = None
    private_key_passphrase: str | None = field(default=None, repr=False)
    ssh_common_args: tuple[str, ...] = ()
    python: str = ""
    become: Become | None = None
    timeout_seconds: float = 10
    host_key_checking: bool = True

    @property
    def address(self) -> str:
        """What to connect to: ``host``, or the name when there is none."""
        return self.host or self.name
