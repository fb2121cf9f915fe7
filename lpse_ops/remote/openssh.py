"""Connections through the program ``ssh``: for options and tokens that only OpenSSH knows.

Used when ``ansible_ssh_common_args`` has what ``ssharguments`` does not know.  What is configured
for ``ssh`` holds; a password reaches it through ``SSH_ASKPASS`` and the environment, never through
the command line.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lpse_ops.remote.local import ProgramTransport, start_program
from lpse_ops.remote.target import Target

_PASSWORD, _PASSPHRASE = "LPSE_OPS_SSH_PASSWORD", "LPSE_OPS_SSH_PASSPHRASE"
# ssh asks everything through this program; only secrets are answered.
_ASKPASS = f"""#!/bin/sh
case "$1" in
    *passphrase*) printf '%s\\n' "${_PASSPHRASE}" ;;
    *assword*) printf '%s\\n' "${_PASSWORD}" ;;
    *) exit 1 ;;
esac
"""


class OpensshConnection:
    """Starts one ``ssh`` for each program; share a connection with ``ControlMaster`` if need be."""

    def __init__(self, target: Target, environment: Mapping[str, str]) -> None:
        self._target = target
        self._environment = environment
        self._started: list[ProgramTransport] = []
        self._folder: Path | None = None

    def start(self, command: str) -> ProgramTransport:
        """Start a command line there; that ``ssh`` cannot connect shows when its output ends."""
        return self._start(ssh_argv(self._target, command))

    def start_subsystem(self, name: str, _patience_seconds: float) -> ProgramTransport:
        """The same for what the server knows by a name; ``ServerAliveInterval`` is the patience."""
        return self._start(ssh_argv(self._target, name, flags=("-T", "-s")))

    def _start(self, argv: list[str]) -> ProgramTransport:
        transport = start_program(argv, environment=dict(self._environment) | self._secrets())
        self._started.append(transport)
        return transport

    def close(self) -> None:
        for transport in self._started:
            transport.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _secrets(self) -> dict[str, str]:
        target = self._target
        if not has_secrets(target):
            return {}
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lpse-ops-"))
            program = self._folder / "askpass"
            program.touch(0o700)
            program.write_text(_ASKPASS)
        return {
            "SSH_ASKPASS": str(self._folder / "askpass"),
            "SSH_ASKPASS_REQUIRE": "force",
            _PASSWORD: target.password or "",
            _PASSPHRASE: target.private_key_passphrase or "",
        }


def open_openssh(target: Target) -> OpensshConnection:
    return OpensshConnection(target, os.environ)


def has_secrets(target: Target) -> bool:
    return target.password is not None or target.private_key_passphrase is not None


def ssh_argv(target: Target, command: str, flags: tuple[str, ...] = ("-T",)) -> list[str]:
    """The command line; of options that are given twice the first holds, so a person's win."""
    options = {
        "BatchMode": "no" if has_secrets(target) else "yes",
        "NumberOfPasswordPrompts": "1",
        "ConnectTimeout": str(max(1, round(target.timeout_seconds))),
        "ConnectionAttempts": "3",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "2",
    }
    if not target.host_key_checking:
        options["StrictHostKeyChecking"] = "no"
    if target.user:
        options["User"] = target.user
    if target.port:
        options["Port"] = str(target.port)
    if target.private_key_file:
        options["IdentityFile"] = f'"{target.private_key_file}"'
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", *target.ssh_common_args, *words, *flags, "--", target.address, command]
