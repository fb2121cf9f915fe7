"""The lookup ``password``: a random password that is made once and kept in a file."""

import contextlib
import fcntl
import os
import random
import secrets
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lpse_ops.templating.filters.hashes import hash_password
from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.templating.lookups.call import LookupCall, LookupProblem

_LENGTH = 20
_OPTIONS = ("length", "chars", "encrypt", "ident", "seed")


def password(call: LookupCall) -> list[Any]:
    call.only(*_OPTIONS)
    found = call.scope.find("playbook_dir")
    folder = Path(found if isinstance(found, str) else "")
    return [_one(str(term), call.options, folder) for term in call.terms]


def _one(term: str, options: dict[str, Any], folder: Path) -> str:
    name, given = _read_term(term, options)
    if name == "/dev/null":
        text, salt = _generate(given), None
    else:
        text, salt = _keep(folder / _expanded(name), given)
    encrypt = given.get("encrypt")
    if not encrypt:
        return text
    try:
        return hash_password(text, str(encrypt), salt)
    except FilterProblem as error:
        raise LookupProblem(str(error)) from None


def _expanded(name: str) -> str:
    path = os.path.expanduser(name)
    if path.startswith("~"):
        raise LookupProblem(f"{name!r} begins with the home of a user that is not here")
    return path


def _read_term(term: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    words = term.split()
    given = dict(options)
    while words and "=" in words[-1] and words[-1].partition("=")[0] in _OPTIONS:
        key, _, value = words.pop().partition("=")
        given[key] = value
    return " ".join(words), given


def _generate(given: dict[str, Any]) -> str:
    alphabet = _alphabet(given.get("chars"))
    length = int(given.get("length", _LENGTH))
    if given.get("seed") is not None:
        source: Any = random.Random(str(given["seed"]))  # noqa: S311
        return "".join(source.choice(alphabet) for _ in range(length))
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _alphabet(chars: Any) -> str:
    if not chars:
        return string.ascii_letters + string.digits + ".,:-_"
    names = chars if isinstance(chars, list) else str(chars).split(",")
    text = "".join(str(getattr(string, str(name), name)) for name in names if name)
    return "".join(dict.fromkeys(text)).replace('"', "").replace("'", "")


def _keep(path: Path, given: dict[str, Any]) -> tuple[str, str | None]:
    """Read the password of the file, or make one and write it, readable by its owner only."""
    with _alone_in(path.parent):
        return _read_or_make(path, given)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hosts ask at once, from threads and maybe from another run: one after the other."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LookupProblem(f"cannot use {folder}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_or_make(path: Path, given: dict[str, Any]) -> tuple[str, str | None]:
    try:
        text, salt = _parse(path.read_text(encoding="utf-8"))
        is_new = False
    except FileNotFoundError:
        text, salt, is_new = _generate(given), None, True
    except OSError as error:
        raise LookupProblem(f"cannot read {path}: {error.strerror}") from None
    needs_salt = bool(given.get("encrypt")) and salt is None
    if needs_salt:
        salt = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))
    if is_new or needs_salt:
        _write(path, f"{text} salt={salt}" if salt else text)
    return text, salt


def _parse(content: str) -> tuple[str, str | None]:
    text, mark, salt = content.rstrip("\n").rpartition(" salt=")
    return (text, salt) if mark else (salt, None)


def _write(path: Path, line: str) -> None:
    try:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
        temporary.replace(path)
    except OSError as error:
        raise LookupProblem(f"cannot write {path}: {error.strerror}") from None


LOOKUPS = {"password": password}
