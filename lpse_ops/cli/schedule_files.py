"""Files that ``backup schedule`` writes and takes away again: each says so in its first line.

The line holds the hash of the rest, so that a change by hand is seen: such a file is neither
replaced nor removed without ``--force``, and a file that is not ours never is.
"""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import OpsError

_MARK = "# Written by lpse-ops backup schedule install; sha256 "
_MODE = 0o644
_MAX_BYTES = 1 << 20


class State(StrEnum):
    """Whose a file is."""

    MISSING = "missing"
    OURS = "ours"
    CHANGED = "changed by hand"
    FOREIGN = "not written by lpse-ops"


class Verb(StrEnum):
    KEEP = "unchanged"
    WRITE = "written"
    REMOVE = "removed"


@dataclass(frozen=True)
class Change:
    """What is to be done with a file; ``after`` is None where it goes."""

    path: Path
    verb: Verb
    before: str | None
    after: str | None

    def diff(self) -> str:
        """As ``diff -u`` shows it."""
        before, after = (text or "" for text in (self.before, self.after))
        names = (
            "/dev/null" if self.before is None else str(self.path),
            "/dev/null" if self.after is None else str(self.path),
        )
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), *names
        )
        return "".join(lines)


def mark(text: str) -> str:
    """The text with our line above it."""
    return f"{_MARK}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def state_of(found: str | None) -> State:
    if found is None:
        return State.MISSING
    first, _, rest = found.partition("\n")
    if not first.startswith(_MARK):
        return State.FOREIGN
    return State.OURS if mark(rest) == found else State.CHANGED


def plan_changes(
    folder: Path,
    wanted: Mapping[str, str],
    found: Mapping[str, str | None],
    *,
    force: bool = False,
) -> list[Change]:
    """From what is there (by name) to what is wanted; names that are not wanted go.

    Raises OpsError, before anything is touched, for files that are not ours to change.
    """
    changes = []
    refused = []
    for name, before in found.items():
        state, after = state_of(before), mark(wanted[name]) if name in wanted else None
        if before == after:
            verb = Verb.KEEP
        elif state is State.FOREIGN or (state is State.CHANGED and not force):
            refused.append(f"{folder / name} ({state})")
            continue
        else:
            verb = Verb.REMOVE if after is None else Verb.WRITE
        changes.append(Change(folder / name, verb, before, after))
    if refused:
        raise OpsError(
            f"will not touch {', '.join(refused)}",
            hint="look at it; --force replaces what was changed by hand, and what is not of "
            "lpse-ops must be moved away first",
        )
    return changes


def read_files(folder: Path, names: "list[str]") -> dict[str, str | None]:
    """What is there under these names; None where nothing is."""
    return {name: _read(folder / name) for name in names}


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OpsError(
            f"cannot read {path}: {error.strerror}", hint="run it as root: sudo lpse-ops ..."
        ) from error


def apply_changes(changes: list[Change]) -> None:
    """Write and remove files; each is there whole or not at all."""
    for change in changes:
        try:
            if change.verb is Verb.WRITE and change.after is not None:
                write_atomically(change.path, change.after.encode(), mode=_MODE)
            elif change.verb is Verb.REMOVE:
                change.path.unlink(missing_ok=True)
        except OSError as error:
            raise OpsError(
                f"cannot write {change.path}: {error.strerror}",
                hint="run it as root: sudo lpse-ops backup schedule install",
            ) from error
