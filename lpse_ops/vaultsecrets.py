"""Where vault passwords come from: files, programs and a prompt, named as Ansible names them.

A source is ``LABEL@SOURCE`` or just ``SOURCE``; the source is ``prompt``, a file with the password,
or an executable file that prints it.  One whose name ends in ``-client`` (before its suffix) is
called with ``--vault-id LABEL``.
"""

import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lpse_ops.errors import VaultError
from lpse_ops.vault import DEFAULT_ID, VaultSecret, check_label, is_sealed

# Asks for the password of a vault id and returns what was typed.
Ask = Callable[[str], str]
Warn = Callable[[str], None]

_PROMPTS = ("prompt", "prompt_ask_vault_pass")
_MAX_BYTES = 1 << 20
# How a client program says that it knows no password for the id.
_CLIENT_KNOWS_NONE = 2


class Source(NamedTuple):
    """A vault id and where its password is: ``prompt``, or a path."""

    vault_id: str
    place: str


def load_secrets(
    vault_ids: Sequence[str], password_files: Sequence[str | Path], ask: Ask, *, warn: Warn
) -> list[VaultSecret]:
    """Read all secrets, in order: ``--vault-id`` before ``--vault-password-file``.

    A source that cannot be read is a warning as long as another one can; else its VaultError.
    """
    sources = [parse_source(text) for text in vault_ids]
    sources += [Source(DEFAULT_ID, str(path)) for path in password_files]
    secrets: list[VaultSecret] = []
    failures: list[VaultError] = []
    for source in sources:
        try:
            secrets.append(_read_source(source, ask))
        except VaultError as error:
            failures.append(error)
    if failures and not secrets:
        raise failures[-1]
    for failure in failures:
        warn(failure.message)
    return secrets


def parse_source(text: str) -> Source:
    """Take ``LABEL@SOURCE`` apart; without a label it is for ``default``."""
    label, at, place = text.partition("@")
    if not at:
        label, place = DEFAULT_ID, text
    if not place:
        raise VaultError(
            f"the vault id {text!r} names no source", hint=f"give --vault-id {label}@FILE"
        )
    check_label(label)
    return Source(label or DEFAULT_ID, place)


def _read_source(source: Source, ask: Ask) -> VaultSecret:
    if source.place in _PROMPTS:
        password = ask(source.vault_id).strip().encode("utf-8", "surrogateescape")
        shown = "the prompt"
    else:
        password = read_password(Path(os.path.expanduser(source.place)), source.vault_id)
        shown = source.place
    if not password:
        raise VaultError(
            f"the vault password from {shown} is empty",
            hint="type one" if source.place in _PROMPTS else f"write a password into {shown}",
        )
    return VaultSecret(source.vault_id, password)


def read_password(path: Path, vault_id: str) -> bytes:
    """Read a password file, or run it when it is executable."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
            return _run_script(path, vault_id)
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES)
    except OSError as error:
        raise VaultError(
            f"cannot read the vault password file {path}: {error.strerror}",
            hint="check its name and its permissions; as a program it needs a #! line",
        ) from error
    if is_sealed(content):
        raise VaultError(
            f"the vault password file {path} is itself vault-encrypted",
            hint=f"decrypt it: lpse-ops vault decrypt {path}",
        )
    return content.strip()


def script_command(path: Path, vault_id: str) -> Iterable[str]:
    """The command line of a password program; only a client program is told the vault id."""
    program = str(path.absolute())
    return [program, "--vault-id", vault_id] if path.stem.endswith("-client") else [program]


def _run_script(path: Path, vault_id: str) -> bytes:
    """Its stdin and stderr are ours: it may ask for what unlocks the password."""
    done = subprocess.run(list(script_command(path, vault_id)), stdout=subprocess.PIPE, check=False)
    if done.returncode == 0:
        return done.stdout[:_MAX_BYTES].strip(b"\r\n")
    hint = f"run {path} and see what it says"
    if done.returncode == _CLIENT_KNOWS_NONE and path.stem.endswith("-client"):
        raise VaultError(f"{path} has no password for the vault id {vault_id!r}", hint=hint)
    raise VaultError(f"{path} ended with exit status {done.returncode}", hint=hint)
