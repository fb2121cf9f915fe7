"""Cuts the power of a host at a step of an upgrade, as its state file tells of it."""

import contextlib
import json
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.lab import Host

_STATE = "var/lib/lpse-ops/upgrade/state.json"
_PAUSE_SECONDS = 0.0001


class Point(NamedTuple):
    """A step, and what is told of it: begun, done, undoing, undone."""

    step: str
    status: str

    def __str__(self) -> str:
        return f"{self.step} {self.status}"


class NeverReached(AssertionError):
    """The upgrade ended without the point."""


@dataclass(frozen=True)
class Watch:
    """Reads a host's state file from outside, so that it is also read while the host is busy."""

    host: Host

    @property
    def file(self) -> Path:
        return root_of(self.host) / _STATE

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.file.read_text())
        return state

    def cut_at(self, point: Point, stamp: str | None, timeout_seconds: float = 60) -> Point:
        """Cut the power once the point is told of a newer upgrade; return what is on the disk.

        A quick step may be over by the time that the power is gone.
        """
        keeper = keeper_of(self.host)
        network = self.host.address.split(".")[2]
        cgroup = keeper / f"sys/fs/cgroup/lpse-ops-lab-{network}/{self.host.name}"
        with (cgroup / "cgroup.kill").open("w") as kill:
            self._wait_for(point, stamp, time.monotonic() + timeout_seconds)
            # At once: the keeper takes longer to be asked than some steps take.
            kill.write("1")
        self.host.kill()
        return last_point(self.read())

    def stamp(self) -> str | None:
        """Which upgrade the state file is of."""
        with contextlib.suppress(FileNotFoundError):
            return str(self.read()["stamp"])
        return None

    def _wait_for(self, point: Point, stamp: str | None, give_up: float) -> None:
        seen = 0.0, 0
        file = self.file
        while time.monotonic() < give_up:
            with contextlib.suppress(FileNotFoundError):
                about = file.stat()
                now = about.st_mtime, about.st_ino
                if now != seen:
                    seen = now
                    state = json.loads(file.read_text())
                    if state["stamp"] != stamp:
                        if has_reached(state, point):
                            return
                        if state["outcome"]:
                            break
            time.sleep(_PAUSE_SECONDS)
        raise NeverReached(f"{self.host.name} never came to {point}")


def has_reached(state: dict[str, Any], point: Point) -> bool:
    """Whether the step is where it should be, or further in the same direction."""
    order = ["pending", "begun", "done", "failed", "undoing", "undone"]
    [step] = [each for each in state["steps"] if each["name"] == point.step]
    is_back = point.status in ("undoing", "undone")
    return (state["direction"] == "back" or not is_back) and order.index(
        step["status"]
    ) >= order.index(point.status)


def last_point(state: dict[str, Any]) -> Point:
    """The step that was told of last."""
    told = [each for each in state["steps"] if each["status"] != "pending"]
    if state["direction"] == "back":
        undone = [each for each in told if each["status"] in ("undoing", "undone")]
        # Steps are taken back in the other order: the first of the list is the last one.
        told = undone[:1] or told
    return Point(told[-1]["name"], told[-1]["status"]) if told else Point("plan", "written")


def root_of(host: Host) -> Path:
    """The host's disk, as its keeper has it mounted."""
    return keeper_of(host) / f"run/hosts/{host.name}/root"


def keeper_of(host: Host) -> Path:
    """All that the keeper of the host's lab sees."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.lab.folder / "socket"))
        size = struct.calcsize("3i")
        answer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, _, _ = struct.unpack("3i", answer)
    return Path(f"/proc/{pid}/root")
