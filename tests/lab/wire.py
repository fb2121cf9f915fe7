"""A network cable with delay, jitter, loss and a rate, in user space: kernels may lack sch_netem.

Every frame that comes from one of two TAP devices goes to the other after the delay, which is one
way.  Both directions are treated alike and keep their order, as on a real line.  The settings are
a JSON file that SIGHUP makes us read again.  Run as a script: standard library only.
"""

import contextlib
import fcntl
import json
import os
import random
import select
import signal
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UP = "wire up"

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_LONGEST_FRAME_BYTES = 1 << 16
# So that a stream of one direction cannot keep the other one waiting.
_FRAMES_AT_A_TIME = 64
# Shorter than any sleep comes out: what is due so soon goes now.
_SOON_SECONDS = 0.0001


@dataclass(frozen=True)
class Settings:
    """What a cable does to a frame; ``queue`` is how many frames it holds in one direction."""

    delay_ms: float = 0
    jitter_ms: float = 0
    loss: float = 0
    rate_mbit: float = 0
    queue: int = 10_000
    down: bool = False


@dataclass
class Way:
    """One direction: decides when a frame comes out.  ``chance`` is random from 0 to 1."""

    _free: float = 0.0
    _last: float = 0.0
    frames: deque[tuple[float, bytes]] = field(default_factory=deque)

    def put(self, frame: bytes, now: float, settings: Settings, chance: Any) -> None:
        """Take a frame in, or lose it."""
        if settings.down or chance() < settings.loss or len(self.frames) >= settings.queue:
            return
        self._free = max(self._free, now)
        if settings.rate_mbit:
            self._free += len(frame) * 8 / (settings.rate_mbit * 1e6)
        wait_ms = settings.delay_ms + settings.jitter_ms * (2 * chance() - 1)
        self._last = max(self._last, self._free + wait_ms / 1000)
        self.frames.append((self._last, frame))

    def take_due(self, now: float) -> list[bytes]:
        due = []
        while self.frames and self.frames[0][0] <= now:
            due.append(self.frames.popleft()[1])
        return due

    @property
    def next_due(self) -> float | None:
        return self.frames[0][0] if self.frames else None


def load_settings(file: Path) -> Settings:
    return Settings(**json.loads(file.read_text()))


def open_tap(name: str) -> int:
    """Create the TAP device in our network namespace; it goes when we close it."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


class Cable:
    def __init__(self, taps: tuple[int, int], file: Path) -> None:
        self._file = file
        self._settings = load_settings(file)
        one, other = taps
        self._ways = {one: Way(), other: Way()}
        self._sinks = {one: other, other: one}

    def reload(self, *_: object) -> None:
        self._settings = load_settings(self._file)

    def carry(self) -> None:
        """Carry frames for ever."""
        while True:
            for tap in select.select(list(self._ways), [], [], self._patience())[0]:
                self._take_in(tap)
            now = time.monotonic() + _SOON_SECONDS
            for tap, way in self._ways.items():
                for frame in way.take_due(now):
                    # A device that is not up yet loses frames, as a cable would.
                    with contextlib.suppress(OSError):
                        os.write(self._sinks[tap], frame)

    def _patience(self) -> float | None:
        due = [way.next_due for way in self._ways.values() if way.next_due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _take_in(self, tap: int) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_FRAMES_AT_A_TIME):
                frame = os.read(tap, _LONGEST_FRAME_BYTES)
                self._ways[tap].put(frame, time.monotonic(), self._settings, random.random)


def main(tap_a: str, tap_b: str, file: str) -> None:
    cable = Cable((open_tap(tap_a), open_tap(tap_b)), Path(file))
    signal.signal(signal.SIGHUP, cable.reload)
    print(UP, flush=True)
    cable.carry()


if __name__ == "__main__":
    main(*sys.argv[1:])
