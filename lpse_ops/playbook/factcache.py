"""The fact cache ``jsonfile``: facts of hosts from one run to the next, in ansible-core's files.

A host has one file, PREFIX ``s1_`` HOST; it holds JSON, and within it as a string the facts as
JSON.  ansible-core wraps values that it knows more about; of these only the value is taken: a
string from here is as little trusted as one from the host, and never becomes a template.
"""

import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import SettingsError
from lpse_ops.playbook.hosts import HostState

_SCHEMA = "s1_"
_PAYLOAD = "__payload__"
_TYPE = "__ansible_type"
_TAGGED = "_AnsibleTagged"
# Facts of a host with thousands of mounts take a few.
MAX_BYTES = 64 * 1024 * 1024
# What opening or reading a file of somebody else can end with.
_BROKEN = (OSError, ValueError, TypeError, KeyError, RecursionError)

Facts = dict[str, Any]
Warn = Callable[[str], None]


class FactCache:
    """Files in one folder; a file that cannot be used is a warning, and as if it was not there."""

    def __init__(
        self,
        folder: Path,
        prefix: str,
        timeout_seconds: float,
        warn: Warn,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._prefix = prefix + _SCHEMA
        self._timeout_seconds = timeout_seconds
        self._warn = warn
        self._now = now

    def of(self, host: str) -> "CachedFacts":
        """What is known of a host, to be told of what is new."""
        return CachedFacts(self, host, self.load(host))

    def load(self, host: str) -> Facts:
        """A host's facts; none when they are too old."""
        path = self._path(host)
        if path is None:
            return {}
        try:
            content = self._read(path)
            return {} if content is None else parse_facts(content)
        except FileNotFoundError:
            return {}
        except _BROKEN as error:
            self._warn(f"the cached facts in {path} cannot be used ({_reason(error)})")
            return {}

    def save(self, host: str, facts: Mapping[str, Any]) -> None:
        """Replace a host's facts in one step; the file is for its owner alone."""
        path = self._path(host)
        if path is None:
            return
        try:
            write_atomically(path, render_facts(facts))
        except (OSError, RecursionError) as error:
            self._warn(f"cannot write the fact cache {path}: {_reason(error)}")

    def forget(self, host: str) -> None:
        path = self._path(host)
        if path is None:
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._warn(f"cannot remove {path}: {_reason(error)}")

    def _path(self, host: str) -> Path | None:
        """None for a name that would lead out of the folder, or is too long for a file."""
        name = self._prefix + host
        if "/" in name or "\0" in name or len(os.fsencode(name)) > 255:
            return None
        return self._folder / name

    def _read(self, path: Path) -> bytes | None:
        """The content; None when it is too old."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("no plain file")
            if status.st_uid not in (0, os.geteuid()):
                # In a folder such as /tmp anybody may put a file for any host.
                raise ValueError("it belongs to another account")
            age = self._now() - status.st_mtime
            if 0 < self._timeout_seconds < age:
                return None
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
        return content


class CachedFacts:
    """The facts of one host; called with new ones, or None to forget all."""

    def __init__(self, cache: FactCache, host: str, facts: Facts) -> None:
        self._cache = cache
        self._host = host
        self.facts = facts

    def __call__(self, new: Mapping[str, Any] | None) -> None:
        if new is None:
            self.facts = {}
            self._cache.forget(self._host)
        else:
            self.facts = {**self.facts, **new}
            self._cache.save(self._host, self.facts)


def new_state(name: str, cache: FactCache | None) -> HostState:
    """A host at the beginning of a run, with what the cache knows of it."""
    state = HostState(name)
    if cache is not None:
        known = cache.of(name)
        state.learn(known.facts)
        state.remember = known
    return state


def open_cache(
    plugin: str,
    folder: str,
    prefix: str,
    timeout_seconds: float,
    warn: Warn,
    now: Callable[[], float] = time.time,
) -> FactCache | None:
    """The cache that the settings ask for, its folder made if need be; None for ``memory``."""
    name = plugin.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    if name == "memory":
        return None
    if name != "jsonfile":
        raise SettingsError(
            f"there is no fact cache {plugin!r} here",
            hint="set fact_caching (ANSIBLE_CACHE_PLUGIN) to jsonfile or memory",
        )
    if not folder:
        raise SettingsError(
            "error, 'jsonfile' cache plugin requires the 'fact_caching_connection' config option "
            "to be set (to a writeable directory path)",
            hint="set fact_caching_connection (ANSIBLE_CACHE_PLUGIN_CONNECTION) to a folder",
        )
    path = Path(folder)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot make the folder {folder} of the fact cache: {error.strerror}",
            hint="correct fact_caching_connection (ANSIBLE_CACHE_PLUGIN_CONNECTION)",
        ) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsError(
            f"the folder {folder} of the fact cache cannot be read and written",
            hint=f"chmod u+rwx {folder}, or correct fact_caching_connection",
        )
    return FactCache(path, prefix, timeout_seconds, warn, now)


def parse_facts(content: bytes) -> Facts:
    """The facts in a file; ValueError and its like when it holds none."""
    facts = _unwrap(json.loads(json.loads(content)[_PAYLOAD]))
    if not isinstance(facts, dict):
        raise TypeError("no object")
    return facts


def _unwrap(value: Any) -> Any:
    if isinstance(value, list):
        return [_unwrap(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TYPE)
    if kind is None:
        return {name: _unwrap(each) for name, each in value.items()}
    if str(kind).startswith(_TAGGED):
        return _unwrap(value["value"])
    # A date or a time, or what is vault-encrypted, which stays so.
    return str(value["iso8601"] if "iso8601" in value else value["ciphertext"])


def render_facts(facts: Mapping[str, Any]) -> bytes:
    return json.dumps({_PAYLOAD: json.dumps(_plain(facts), default=str)}).encode()


def _plain(value: Any) -> Any:
    """What JSON holds; a host cannot write what ansible-core would take for a wrapped value."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if name != _TYPE}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        kind = "DateTime" if isinstance(value, datetime) else "Date"
        more = {"fold": value.fold} if isinstance(value, datetime) else {}
        return {_TYPE: f"AnsibleSerializable{kind}", "iso8601": value.isoformat(), **more}
    return str(value) if isinstance(value, str) else value


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
