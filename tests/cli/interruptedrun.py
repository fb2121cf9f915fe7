"""A mirrored run in a process of its own that stops where a test wants, until it is told to go on.

What the test does meanwhile, to a server, a line or a disk, happens at exactly that operation.
The process does what ``lpse-ops backup run`` does, but waits less long for who is silent.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from lpse_ops.backup.backuprun import BackupRequest
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.patience import SharedPatience
from lpse_ops.backup.storage.retry import RetryBackend
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.backup.sync import Place
from lpse_ops.cli.backup_everywhere import back_up_everywhere
from lpse_ops.cli.backup_places import open_places
from lpse_ops.cli.wiring import App
from tests.cli.commands import clean_environment

# With one of several that was broken on purpose; the last that is left is waited for as ever.
_PATIENCE_SECONDS = 0.1
_ROOT = Path(__file__).parents[2]


class Moment(NamedTuple):
    """Right before a place does an operation on a kind of file for the ``number``-th time."""

    place: str
    operation: str
    kind: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.operation} {self.kind} {self.number}"


class Report(NamedTuple):
    """What became of each place, why and what to type; what was said meanwhile."""

    outcomes: dict[str, tuple[str, str]]
    reached: list[Moment]
    talk: str

    def failed(self) -> list[str]:
        return sorted(name for name, (status, _) in self.outcomes.items() if status != "written")


def run_interrupted(
    settings: Path, env: Mapping[str, str], acts: Mapping[Moment, Callable[[], None]]
) -> Report:
    """Take a backup to all places; ``acts`` are done while it stands still at their moments."""
    reached: list[Moment] = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.interruptedrun", str(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
        env=clean_environment() | dict(env),
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdin.write(json.dumps(list(acts)) + "\n")
        running.stdin.flush()
        ended = None
        for line in running.stdout:
            told = json.loads(line)
            if isinstance(told, dict):
                ended = told
                break
            reached.append(Moment(*told))
            acts[reached[-1]]()
            running.stdin.write("go on\n")
            running.stdin.flush()
        running.stdin.close()
        talk = running.stderr.read()
    assert ended is not None, talk
    return Report({name: (each[0], each[1]) for name, each in ended.items()}, reached, talk)


class _Stopping(BackendWrapper):
    """Stands still at each moment of a place."""

    def __init__(self, inner: Backend, place: str, moments: set[Moment], tell: "_Tell") -> None:
        super().__init__(inner)
        self._place = place
        self._moments = moments
        self._tell = tell
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def save(self, name: str, content: Buffer) -> None:
        self._meet("save", name)
        super().save(name, content)

    def remove(self, name: str) -> None:
        self._meet("remove", name)
        super().remove(name)

    def _meet(self, operation: str, name: str) -> None:
        kind = name.partition("/")[0]
        with self._lock:
            self._counts[operation, kind] += 1
            number = self._counts[operation, kind]
        moment = Moment(self._place, operation, kind, number)
        if moment in self._moments:
            self._tell.wait_for_act(moment)


class _Tell:
    """One conversation at a time with who started this."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def wait_for_act(self, moment: Moment) -> None:
        with self._lock:
            print(json.dumps(moment), flush=True)
            assert sys.stdin.readline(), "nobody is there any more"


def main() -> None:
    app = App(settings_file=Path(sys.argv[1]))
    moments = {Moment(*each) for each in json.loads(sys.stdin.readline())}
    tell = _Tell()
    places = open_places(app, app.settings.backup.destinations)
    places.opened = [_watch(place, moments, tell) for place in places.opened]
    request = BackupRequest(
        paths=tuple(os.fsencode(path) for path in app.settings.backup.paths),
        hostname="lpse-contoh",
        time=datetime.now().astimezone(),
    )
    names = [each.name for each in places.opened]
    patience = SharedPatience(names, _PATIENCE_SECONDS) if moments else None
    _, outcomes = back_up_everywhere(app, request, places, timedelta(), patience)
    print(json.dumps({name: (each.status, each.said()) for name, each in outcomes.items()}))


def _watch(place: Place, moments: set[Moment], tell: _Tell) -> Place:
    """Below the retries, so that what is tried again is counted again."""
    backend = place.repository.backend
    if isinstance(backend, RetryBackend):
        backend._inner = _Stopping(backend._inner, place.name, moments, tell)
    else:
        place.repository.backend = _Stopping(backend, place.name, moments, tell)
    return place


if __name__ == "__main__":
    main()
