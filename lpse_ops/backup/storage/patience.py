"""How long the places of one run are waited for when they do not answer.

While others get all that is stored, one that is silent is given up soon: a sync brings it up to
date another day, and nobody's lock is held for it.  The last one left is waited for as long as a
destination that is alone, for without it there would be no backup at all.
"""

import threading
from collections.abc import Iterable

from lpse_ops.backup.storage.retry import GIVE_UP_AFTER_SECONDS

# Longer than a router or a server takes that is started again, shorter than anybody minds.
_ONE_OF_SEVERAL_SECONDS = 60.0


class SharedPatience:
    """Shared by all threads of a run; ``names`` are those of which one has to get everything."""

    def __init__(
        self,
        names: Iterable[str],
        one_of_several_seconds: float = _ONE_OF_SEVERAL_SECONDS,
        last_seconds: float = GIVE_UP_AFTER_SECONDS,
    ) -> None:
        self._lock = threading.Lock()
        self._left = set(names)
        self._is_stored = False
        self._short = one_of_several_seconds
        self._long = last_seconds

    def is_over(self, name: str, seconds: float) -> bool:
        """Whether a place that was silent for so long is given up; of two, at most one is."""
        with self._lock:
            is_last = self._left <= {name} and not self._is_stored
            is_over = seconds > (self._long if is_last else self._short)
            if is_over:
                self._left.discard(name)
            return is_over

    def keep_only(self, names: Iterable[str]) -> None:
        """The others are behind, or locked: they are no help."""
        with self._lock:
            self._left &= set(names)

    def lose(self, name: str) -> None:
        """A place has failed, for whatever reason."""
        with self._lock:
            self._left.discard(name)

    def note_stored(self) -> None:
        """All is stored somewhere: what remains can be done another day."""
        with self._lock:
            self._is_stored = True
