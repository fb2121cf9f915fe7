"""How a destination is held to its rate, by a clock that moves when somebody sleeps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta, timezone

import pytest

from lpse_ops.backup.storage.limit import LimitedBackend, Paced, TokenBucket, no_pace
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.transferlimit import TransferLimit
from tests.fakes import FixedClock

KIB = 1024
NAME = "keys/" + "ab" * 32
ALWAYS = TransferLimit(100 * KIB)
OFFICE = TransferLimit(100 * KIB, time(8), time(17))
WITA = timezone(timedelta(hours=8))


class Sleeper:
    """Moves a clock instead of waiting; ``slept`` is the sum in seconds."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.slept = 0.0

    def __call__(self, seconds: float) -> None:
        with self._lock:
            self._clock.advance(timedelta(seconds=seconds))
            self.slept += seconds


def at(hour: int, minute: int = 0, second: int = 0) -> FixedClock:
    return FixedClock(datetime(2026, 3, 4, hour, minute, second, tzinfo=WITA))


class PacedMemory(MemoryBackend):
    """Sends in pieces of its own, as remote backends do."""

    def __init__(self) -> None:
        super().__init__()
        self.pace = no_pace

    def save(self, name, content) -> None:
        for begin in range(0, len(content), 10 * KIB):
            self.pace(len(content[begin : begin + 10 * KIB]))
        super().save(name, content)


@pytest.mark.parametrize("inner", [MemoryBackend, PacedMemory])
def test_a_file_takes_its_time(inner) -> None:
    clock = at(9)
    sleep = Sleeper(clock)
    limited = LimitedBackend(inner(), ALWAYS, clock, sleep)
    limited.save(NAME, bytes(1000 * KIB))
    # What went last is not yet earned.
    assert 9.8 <= sleep.slept <= 10
    limited.save("config", bytes(100 * KIB))
    assert 10.8 <= sleep.slept <= 11


def test_what_is_fetched_takes_its_time_as_well() -> None:
    clock = at(9)
    sleep = Sleeper(clock)
    inner = MemoryBackend()
    inner.save(NAME, bytes(1000 * KIB))
    limited = LimitedBackend(inner, ALWAYS, clock, sleep)
    limited.load(NAME, 0, 500 * KIB)
    assert 4.8 <= sleep.slept <= 5
    limited.load(NAME)
    assert 14.8 <= sleep.slept <= 15


def test_outside_of_its_hours_nothing_is_limited() -> None:
    clock = at(17)
    sleep = Sleeper(clock)
    LimitedBackend(MemoryBackend(), OFFICE, clock, sleep).save(NAME, bytes(1000 * KIB))
    assert sleep.slept == 0


def test_the_end_of_office_hours_frees_a_pack_that_is_on_its_way() -> None:
    clock = at(16, 59, 57)
    sleep = Sleeper(clock)
    limited = LimitedBackend(PacedMemory(), OFFICE, clock, sleep)
    limited.save(NAME, bytes(100_000 * KIB))
    assert 2.9 <= sleep.slept <= 4


def test_the_beginning_of_office_hours_slows_down_a_pack_that_is_on_its_way() -> None:
    clock = at(7, 59, 59)
    pace = TokenBucket(OFFICE, clock, sleep := Sleeper(clock))
    pace(500 * KIB)
    assert sleep.slept == 0
    clock.advance(timedelta(seconds=1))
    pace(500 * KIB)
    assert 4.8 <= sleep.slept <= 5


def test_time_that_nothing_was_sent_in_is_not_saved_up() -> None:
    clock = at(9)
    pace = TokenBucket(ALWAYS, clock, sleep := Sleeper(clock))
    pace(100 * KIB)
    clock.advance(timedelta(hours=1))
    before = sleep.slept
    pace(1000 * KIB)
    assert sleep.slept - before >= 9.8


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_clock_that_jumps_makes_nobody_wait_longer(jump: timedelta) -> None:
    clock = at(9)
    pace = TokenBucket(ALWAYS, clock, sleep := Sleeper(clock))
    pace(100 * KIB)
    clock.advance(jump)
    before = sleep.slept
    pace(100 * KIB)
    assert sleep.slept - before <= 1.1


def test_threads_share_the_rate() -> None:
    clock = at(9)
    sleep = Sleeper(clock)
    limited = LimitedBackend(PacedMemory(), ALWAYS, clock, sleep)
    names = ["keys/" + f"{number:02x}" * 32 for number in range(10)]
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda name: limited.save(name, bytes(100 * KIB)), names))
    begun = datetime(2026, 3, 4, 9, tzinfo=WITA)
    # Each may sleep while another does: the clock is what counts.
    assert (clock.now() - begun).total_seconds() >= 9.8


def test_nobody_sleeps_through_a_change_of_the_hour() -> None:
    clock = at(9)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    TokenBucket(TransferLimit(KIB), clock, sleep)(40 * KIB)
    assert max(slept) <= 1


def test_only_who_has_a_pace_is_paced() -> None:
    assert isinstance(PacedMemory(), Paced)
    assert not isinstance(MemoryBackend(), Paced)
