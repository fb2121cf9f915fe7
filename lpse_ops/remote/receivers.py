"""Who waits for which frames of a link, and what became of the link."""

import threading
from collections.abc import Mapping
from typing import Protocol

from lpse_ops.agent import frames
from lpse_ops.errors import HostUnreachable

_LAST_FRAMES = (frames.DONE, frames.FAILED, frames.EXIT)


class Receiver(Protocol):
    """Who waits for the frames of one number; called by the link's thread, it must not wait."""

    def deliver(self, frame: frames.Frame) -> None: ...
    def fail(self, error: HostUnreachable) -> None: ...


class Receivers:
    """Thread-safe; once the link is lost everybody is told, and nobody may register any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._receivers: dict[int, Receiver] = {}
        self._lost: HostUnreachable | None = None

    @property
    def lost(self) -> HostUnreachable | None:
        """Why the link is lost, or None while it is not."""
        return self._lost

    def register(self, receivers: Mapping[int, Receiver]) -> None:
        with self._lock:
            if self._lost:
                raise self._lost
            self._receivers.update(receivers)

    def forget(self, number: int) -> None:
        """Drop whatever still comes for a number."""
        with self._lock:
            self._receivers.pop(number, None)

    def deliver(self, frame: frames.Frame) -> None:
        """Hand a frame to whom it is for, if he is there; after the last one he is forgotten."""
        with self._lock:
            receiver = self._receivers.get(frame.id)
            if frame.kind in _LAST_FRAMES:
                self._receivers.pop(frame.id, None)
        if receiver:
            receiver.deliver(frame)

    def lose(self, error: HostUnreachable) -> HostUnreachable:
        """Tell everybody; return the first reason that there was."""
        with self._lock:
            self._lost = self._lost or error
            receivers, self._receivers = self._receivers, {}
        for receiver in receivers.values():
            receiver.fail(self._lost)
        return self._lost
