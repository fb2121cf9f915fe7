"""``wait_for`` beside ansible-core's own, on ports and files of this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.context import Context
from tests.agent.realmodules import Both, Task, flags, run_both, wait_both
from tests.agent.thishost import run_module

# PORT speaks to everybody who comes, FREE has nobody behind it, DIR is a folder with a file.
CASES: dict[str, dict[str, Any]] = {
    "time": {"timeout": 1},
    "file": {"path": "DIR/file"},
    "folder": {"path": "DIR"},
    "text in a file": {"path": "DIR/file", "search_regex": "(?P<first>h)(e)"},
    "text of a line": {"path": "DIR/file", "search_regex": "^second$"},
    "no text in a file": {"path": "DIR/file", "search_regex": "zzz"},
    "text in an empty file": {"path": "DIR/empty", "search_regex": "a"},
    "text in a file of the kernel": {"path": "/proc/version", "search_regex": "^Linux"},
    "nothing in an empty file": {"path": "DIR/empty", "search_regex": "^$"},
    "no file": {"path": "DIR/nothing"},
    "a file's end": {"path": "DIR/nothing", "state": "absent"},
    "a file that stays": {"path": "DIR/file", "state": "absent"},
    "no file, own words": {"path": "DIR/nothing", "msg": "where is it?"},
    "port": {"port": "PORT"},
    "text on a port": {"port": "PORT", "search_regex": "hel(lo)"},
    "no text on a port": {"port": "PORT", "search_regex": "zzz"},
    "no port": {"port": "FREE"},
    "a port's end": {"port": "FREE", "state": "stopped"},
    "a port that stays": {"port": "PORT", "state": "stopped"},
    "drained": {"port": "FREE", "state": "drained"},
    "no such host": {"port": 1, "host": "nosuch.invalid"},
    "port and path": {"port": 1, "path": "/x"},
    "path stopped": {"path": "/x", "state": "stopped"},
    "path drained": {"path": "/x", "state": "drained"},
    "exclusion without drained": {"port": 1, "exclude_hosts": ["a"]},
    "unknown state": {"port": 1, "active_connection_states": ["OPEN"]},
    "broken regex": {"port": 1, "search_regex": "("},
}


@pytest.fixture(scope="module")
def speaker() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def greet(server: socket.socket) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        with line:
            line.sendall(b"say hello\n")


@pytest.fixture(scope="module")
def both(speaker: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Both]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "empty").touch()
    (folder / "file").write_text("hello\nsecond\nthird")
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    values = {"PORT": speaker, "FREE": free}

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return values.get(value, value.replace("DIR", str(folder)))
        return value

    return wait_both(
        {
            name: Task(
                "wait_for", {"timeout": 1, **{key: fill(each) for key, each in args.items()}}
            )
            for name, args in CASES.items()
        }
    )


@pytest.mark.parametrize("name", CASES)
def test_as_ansible(both, name):
    theirs, ours = both[name]
    assert flags(ours) == flags(theirs)


def test_a_connection_that_is_still_there_is_not_drained(speaker):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            args = {"port": port, "state": "drained", "timeout": 1}
            theirs, ours = run_both({"drained": Task("wait_for", args)})["drained"]
            assert flags(ours) == flags(theirs)
            assert ours["failed"]
            excluded = run_module("wait_for", {**args, "exclude_hosts": ["127.0.0.1"]}, Context())
            assert "failed" not in excluded


def test_a_file_that_comes_late_is_seen(tmp_path):
    late = threading.Timer(0.3, (tmp_path / "late").touch)
    late.start()
    answer = run_module("wait_for", {"path": str(tmp_path / "late"), "timeout": 20}, Context())
    assert (answer["state"], answer["elapsed"]) == ("file", 1)


def test_delay_comes_first(tmp_path: Path):
    start = time.monotonic()
    run_module("wait_for", {"path": str(tmp_path), "delay": 1}, Context())
    assert time.monotonic() - start >= 1
