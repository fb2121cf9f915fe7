import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lpse_ops.backup.lockfile import (
    Lock,
    ProcessIdentity,
    encode_lock,
    is_running,
    is_stale,
    is_surely_dead,
    parse_lock,
    read_identity,
    read_start_ticks,
)
from lpse_ops.errors import DamagedRepository
from tests.backup.hostile import FUZZ, deeply_nested, forged

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
HERE = ProcessIdentity("contoh/1234", "boot-1", "pid:[4026531836]", 77, 1000)
LOCK = Lock(
    NOON,
    False,
    "contoh",
    "root",
    4711,
    1000,
    100,
    replace(HERE, pid=4711, start_ticks=500),
    "ab" * 32,
)
VALID = encode_lock(LOCK)


def test_the_fields_of_restic_come_first_and_zeros_are_left_out() -> None:
    assert list(json.loads(VALID)) == [
        "time", "exclusive", "hostname", "username", "pid", "uid", "gid", "lpse_ops",
    ]  # fmt: skip
    assert "uid" not in json.loads(encode_lock(replace(LOCK, uid=0, gid=0)))


def test_a_lock_comes_back() -> None:
    assert parse_lock(VALID, LOCK.id) == LOCK


def test_a_lock_of_restic_names_no_process_beyond_doubt() -> None:
    raw = {"time": "2026-03-09T12:00:00.123456789Z", "exclusive": True, "hostname": "x", "pid": 3}
    lock = parse_lock(json.dumps(raw).encode(), "x")
    assert (lock.exclusive, lock.hostname, lock.pid) == (True, "x", 3)
    assert not is_surely_dead(lock, HERE, None)


@FUZZ
@given(forged(VALID))
def test_a_forged_lock_is_damage_or_can_be_judged(content: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        lock = parse_lock(content, "x")
        is_surely_dead(lock, HERE, read_start_ticks(lock.pid))
        is_stale(lock, NOON, "contoh", alive=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"time":"x","exclusive":true}', VALID[:-1], deeply_nested()],
)
def test_a_lock_that_cannot_be_read_is_damage(content: bytes) -> None:
    with pytest.raises(DamagedRepository) as damage:
        parse_lock(content, "x")
    assert "unlock --remove-all" in damage.value.hint


@pytest.mark.parametrize(
    "change", [{"pid": float("inf")}, {"uid": "x"}, {"lpse_ops": [1]}], ids=repr
)
def test_fields_of_a_wrong_type_are_damage(change: dict[str, Any]) -> None:
    with pytest.raises(DamagedRepository):
        parse_lock(json.dumps({**json.loads(VALID), **change}).encode(), "x")


def owned_by(**changes: Any) -> Lock:
    return replace(LOCK, owner=replace(LOCK.owner, **changes))


@pytest.mark.parametrize(
    ("lock", "ticks_now", "is_dead"),
    [
        (LOCK, 500, False),
        (LOCK, None, True),
        (LOCK, 501, True),
        (owned_by(boot_id="boot-0"), 500, True),
        (owned_by(boot_id=""), None, False),
        (owned_by(machine_id="other/1234"), None, False),
        (owned_by(machine_id="other/1234", boot_id="boot-0"), None, False),
        (owned_by(machine_id=""), None, False),
        (owned_by(pid_namespace="pid:[1]"), None, False),
        (owned_by(start_ticks=0), 500, False),
        (owned_by(start_ticks=0), None, False),
    ],
)
def test_only_our_own_machine_knows_that_a_process_is_gone(
    lock: Lock, ticks_now: int | None, is_dead: bool
) -> None:
    assert is_surely_dead(lock, HERE, ticks_now, lambda _: False) is is_dead


def test_a_process_that_proc_hides_from_us_is_alive() -> None:
    assert not is_surely_dead(LOCK, HERE, None, lambda _: True)
    # Process 1 is another user's or our own, and there in any case.
    assert is_running(1)
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not is_running(gone.pid)


def test_who_knows_nothing_of_himself_knows_nothing_of_others() -> None:
    """Without /proc, in a chroot for one, no live lock may be taken for a dead one's."""
    for unknown in ("boot_id", "pid_namespace"):
        here = replace(HERE, **{unknown: ""})
        assert not is_surely_dead(LOCK, here, None, lambda _: False)


@pytest.mark.parametrize(
    ("age", "host", "alive", "stale"),
    [
        (timedelta(minutes=29), "contoh", True, False),
        (timedelta(minutes=29), "contoh", False, True),
        (timedelta(minutes=29), "other", False, False),
        (timedelta(minutes=31), "other", True, True),
        (timedelta(minutes=-31), "other", False, False),
    ],
)
def test_stale_as_restic_means_it(age: timedelta, host: str, alive: bool, stale: bool) -> None:
    assert is_stale(LOCK, NOON + age, host, alive=alive) is stale


def test_this_process_knows_itself() -> None:
    here = read_identity()
    assert here.pid == os.getpid()
    assert here.start_ticks == read_start_ticks(os.getpid())
    assert here.machine_id.startswith(os.uname().nodename + "/")
    assert here.pid_namespace.startswith("pid:[")
    assert len(here.boot_id) == 36


def test_a_process_that_is_gone_has_no_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert read_start_ticks(process.pid)
        process.kill()
    assert read_start_ticks(process.pid) is None
    assert read_identity(process.pid).start_ticks == 0


def test_where_the_kernel_tells_nothing_no_process_is_named(tmp_path: Path) -> None:
    here = read_identity(proc=tmp_path)
    assert (here.boot_id, here.pid_namespace, here.start_ticks) == ("", "", 0)
    assert not is_surely_dead(replace(LOCK, owner=here), here, None)


@pytest.mark.parametrize("pid", [0, -1, 1 << 70])
def test_an_impossible_pid_has_no_start(pid: int) -> None:
    assert read_start_ticks(pid) is None


RENAMED = """
import time
with open("/proc/self/comm", "w") as name:
    name.write(") R 1 2 3")
print(flush=True)
time.sleep(60)
"""


def test_a_process_may_have_any_name() -> None:
    argv = [sys.executable, "-c", RENAMED]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        before = read_start_ticks(process.pid)
        assert process.stdout is not None
        process.stdout.readline()
        assert read_start_ticks(process.pid) == before
        process.kill()
