"""Keeps two threads from working on the same name at once; other names go on beside it."""

import contextlib
import threading
from collections.abc import Iterator


class ByName:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Waits until nobody else works on the name."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._busy)
            self._busy.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._busy.discard(name)
                self._changed.notify_all()
