"""The ``apt_key`` module: apt trusts a key, or does not.

It reads and writes the keyrings itself: neither apt-key nor gpg is needed.
"""

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.aptkeyrings import Keyrings
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.openpgp import Key, KeyProblem, read_keys

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "id": {"type": "str"},
    "url": {"type": "str"},
    "data": {"type": "str"},
    "file": {"type": "path"},
    "keyring": {"type": "path"},
    "keyserver": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "validate_certs": {"type": "bool", "default": True},
}
RULES: Dict[str, Any] = {"mutually_exclusive": [["data", "file", "keyserver", "url"]]}
CHECK_MODE = "full"

_SHORT = 8
_LONG = 16
_HKP_PORT = 11371
_NOT_ADDED = (
    "apt-key did not return an error, but {} (check that the id is correct and *not* a subkey)"
)


class Wanted(NamedTuple):
    """A key by its id; ``shown`` is the id as the task has it, without ``0x``."""

    shown: str

    @property
    def short_id(self) -> str:
        return self.shown[-_SHORT:]

    @property
    def long_id(self) -> str:
        return self.shown[-_LONG:]

    @property
    def is_short(self) -> bool:
        return len(self.shown) == _SHORT

    def is_among(self, keys: List[Key]) -> bool:
        return self._name() in [shown_id(key, is_short=self.is_short) for key in keys]

    def is_whole_among(self, keys: List[Key]) -> bool:
        """The same, and a fingerprint that is given whole must be the key's."""
        if len(self.shown) > _LONG:
            return any(key.fingerprint.endswith(self.shown) for key in keys)
        return self.is_among(keys)

    def _name(self) -> str:
        return self.short_id if self.is_short else self.long_id


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the key to the wanted state; what was fetched must be the key that ``id`` names."""
    content = None
    if not args["id"]:
        content = _find_content(args, None)
    key_id = args["id"] or _first_id(content, args)
    result: Dict[str, Any] = {"id": key_id}
    wanted = parse_id(key_id, result)
    result.update(key_id=wanted.shown, short_id=wanted.short_id, fp=wanted.long_id)
    keyrings = Keyrings(args["keyring"])
    keys = keyrings.read()
    result["before"] = _ids(keys, wanted)
    is_there = wanted.is_among(keys)
    result["changed"] = is_there != (args["state"] == "present")
    if not result["changed"] or context.check_mode:
        return result
    if args["state"] == "present":
        content = _find_content(args, wanted) if content is None else content
        # Before anything is written: apt would trust whatever came.
        if not wanted.is_whole_among(_keys_in(content, args)):
            message = _NOT_ADDED.format("failed to add the key")
            raise Failed(message, **dict(result, changed=False))
        keyrings.add(content)
    else:
        _remove(wanted, keyrings, result)
    result["after"] = _ids(keyrings.read(), wanted)
    return result


def parse_id(key_id: str, result: Dict[str, Any]) -> Wanted:
    """Read the id of a key: 8, 16 or more hexadecimal digits."""
    shown = key_id.strip().replace(" ", "").upper()
    shown = shown[2:] if shown.startswith("0X") else shown
    if not re.match(r"[0-9A-F]+\Z", shown) or (len(shown) != _SHORT and len(shown) < _LONG):
        raise Failed("Invalid key_id", **result)
    return Wanted(shown)


def shown_id(key: Key, *, is_short: bool) -> str:
    return key.long_id[-_SHORT:] if is_short else key.long_id


def keyserver_address(keyserver: str, key_id: str) -> str:
    """Where a keyserver has a key: it speaks HTTP, whatever it calls it."""
    scheme, has_scheme, place = keyserver.rpartition("://")
    place = place.rstrip("/")
    if scheme == "hkps":
        scheme = "https"
    elif not has_scheme or scheme == "hkp":
        scheme = "http"
        if not re.search(r":\d+\Z", place):
            place += f":{_HKP_PORT}"
    return f"{scheme}://{place}/pks/lookup?op=get&options=mr&search=0x{key_id}"


def _find_content(args: Dict[str, Any], wanted: Optional[Wanted]) -> bytes:
    """The key that the task has or names, from wherever it is."""
    if args["file"]:
        return _read(args["file"])
    if args["data"]:
        return str(args["data"]).encode("utf-8", "surrogateescape")
    if args["keyserver"]:
        if wanted is None:
            raise Failed("Missing key_id, required with keyserver.")
        return _fetch(keyserver_address(args["keyserver"], wanted.shown), args)
    if args["url"]:
        return _fetch(args["url"], args)
    if args["state"] == "absent":
        raise Failed("key is required to remove a key")
    raise Failed("No key to add; set one of data, file, keyserver or url")


def _read(path: str) -> bytes:
    if not os.path.isfile(path):
        raise Failed(f"cannot read the key {path}: there is no such file")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failed(f"cannot read the key {path}: {error.strerror}") from error


def _fetch(url: str, args: Dict[str, Any]) -> bytes:
    # Heavy, and seldom needed.
    from lpse_ops.agent.fetching import FetchProblem, fetch_bytes
    from lpse_ops.agent.httprequest import mask_url

    try:
        return fetch_bytes(url, validate_certs=args["validate_certs"])
    except FetchProblem as problem:
        text = f"Failed to download key at {mask_url(url)}: {problem}"
        raise Failed(text) from problem


def _first_id(content: Optional[bytes], args: Dict[str, Any]) -> str:
    primary = [key.long_id for key in _keys_in(content or b"", args) if key.is_primary]
    if not primary:
        raise _not_a_key(args, "there is no public key in it")
    return primary[0]


def _keys_in(content: bytes, args: Dict[str, Any]) -> List[Key]:
    try:
        return read_keys(content)
    except KeyProblem as problem:
        raise _not_a_key(args, str(problem)) from problem


def _not_a_key(args: Dict[str, Any], reason: str) -> Failed:
    name = args["file"] or "inline data"
    return Failed(f"Unable to extract key from '{name}'", stdout="", stderr=reason)


def _remove(wanted: Wanted, keyrings: Keyrings, result: Dict[str, Any]) -> None:
    for key in keyrings.read():
        if key.is_primary and wanted.is_among([key]):
            keyrings.remove(key.long_id)
    if wanted.is_among(keyrings.read()):
        raise Failed(_NOT_ADDED.format("the key was not removed"), **dict(result, changed=False))


def _ids(keys: List[Key], wanted: Wanted) -> List[str]:
    return [shown_id(key, is_short=wanted.is_short) for key in keys]
