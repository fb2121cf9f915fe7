"""The state file: where it is, and how it gets there whole."""

import os
from typing import List, Optional

from spse_steps.durable import Trace, ignore, read_trusted, sync_folder, write_durably
from spse_steps.errors import StateError
from spse_steps.state import State, parse_state, render_state
from spse_steps.steps.catalog import NAMES

_STATE = "state.json"
_HISTORY = "history"
_LARGEST_BYTES = 1 << 22


def state_path(folder: str) -> str:
    return os.path.join(folder, _STATE)


def lock_path(folder: str) -> str:
    return os.path.join(folder, "lock")


def load_state(folder: str) -> Optional[State]:
    """The state of the last upgrade; None if there never was one.  Raises StateError."""
    path = state_path(folder)
    try:
        content = read_trusted(path, _LARGEST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(
            f"cannot read {path}: {error.strerror or error}", hint=f"ls -l {path}; run this as root"
        ) from error
    return parse_state(content, NAMES)


def archive(folder: str, state: State) -> None:
    """Put the state of an upgrade that is over where it is not in the way."""
    history = os.path.join(folder, _HISTORY)
    os.makedirs(history, mode=0o700, exist_ok=True)
    os.rename(state_path(folder), os.path.join(history, f"{state.stamp}.json"))
    sync_folder(history)
    sync_folder(folder)


def list_history(folder: str) -> List[str]:
    """The stamps of the upgrades that are over, the oldest first."""
    history = os.path.join(folder, _HISTORY)
    names = os.listdir(history) if os.path.isdir(history) else []
    return sorted(name[: -len(".json")] for name in names if name.endswith(".json"))


class Journal:
    """Holds the state; what it holds is on the disk."""

    def __init__(self, folder: str, state: State, trace: Trace = ignore) -> None:
        self.folder = folder
        self.state = state
        self._trace = trace

    def save(self, state: State) -> None:
        """Make a new state durable; only then is it the state."""
        write_durably(
            state_path(self.folder), render_state(state), root=self.folder, trace=self._trace
        )
        self.state = state
