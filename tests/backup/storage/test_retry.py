"""What is tried again, for how long, and what is said meanwhile."""

from collections.abc import Callable, Iterator

import pytest

from lpse_ops.backup.storage.backend import FileKind, StoredFile
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.retry import RetryBackend, plan_delay
from lpse_ops.errors import FileMissing, StorageError, StorageRefused, StorageUnavailable

IDS = [f"{number:02x}" * 32 for number in range(6)]
NAME = f"keys/{IDS[0]}"
AWAY = StorageUnavailable("nas.example.id does not answer", hint="wait")


class FlakyBackend(MemoryBackend):
    """Fails as often as it was told, before or after it has done what was asked."""

    def __init__(self, error: StorageError = AWAY, failures: int = 0, *, after: bool = False):
        super().__init__()
        self.error = error
        self.failures = failures
        self.after = after
        self.asked = 0

    def _do(self, act: Callable[[], object]) -> object:
        self.asked += 1
        if self.failures <= 0:
            return act()
        self.failures -= 1
        if self.after:
            act()
        raise self.error

    def save(self, name, content) -> None:
        self._do(lambda: MemoryBackend.save(self, name, content))

    def load(self, name, offset=0, length=None) -> bytes:
        return self._do(lambda: MemoryBackend.load(self, name, offset, length))

    def exists(self, name) -> bool:
        return self._do(lambda: MemoryBackend.exists(self, name))

    def remove(self, name) -> None:
        self._do(lambda: MemoryBackend.remove(self, name))

    def prepare(self) -> None:
        self._do(lambda: None)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        """Breaks off in the middle."""
        self.asked += 1
        for number, file in enumerate(MemoryBackend.files(self, kind)):
            if number == 3 and self.failures > 0:
                self.failures -= 1
                raise self.error
            yield file


class Waiting:
    """A clock, the sleep that moves it, and what was said."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)

    def around(self, inner: MemoryBackend, **options) -> RetryBackend:
        return RetryBackend(
            inner,
            tell=self.said.append,
            sleep=self.sleep,
            now=lambda: self.seconds,
            chance=lambda: 0.0,
            **options,
        )


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.mark.parametrize("after", [False, True])
def test_each_operation_is_done_in_the_end(waiting: Waiting, after: bool) -> None:
    inner = FlakyBackend(after=after)
    tried = waiting.around(inner)
    for act, expected in [
        (lambda: tried.prepare(), None),
        (lambda: tried.save(NAME, b"x"), None),
        (lambda: tried.exists(NAME), True),
        (lambda: tried.load(NAME), b"x"),
        (lambda: tried.remove(NAME), None),
        (lambda: tried.exists(NAME), False),
    ]:
        inner.failures = 3
        assert act() == expected
    assert waiting.slept == 6 * [0.2, 1.0, 2.0]


@pytest.mark.parametrize(
    "error",
    [
        StorageError("full", hint="df"),
        StorageRefused("no", hint="ask"),
        FileMissing("gone", hint="check"),
    ],
)
def test_what_is_refused_is_not_tried_again(waiting: Waiting, error: StorageError) -> None:
    inner = FlakyBackend(error, failures=1)
    with pytest.raises(type(error)):
        waiting.around(inner).save(NAME, b"x")
    assert inner.asked == 1
    assert waiting.slept == []


def test_a_listing_that_breaks_off_gives_each_file_once(waiting: Waiting) -> None:
    inner = FlakyBackend(failures=2)
    for each in IDS:
        MemoryBackend.save(inner, f"index/{each}", b"x")
    listed = [each.id for each in waiting.around(inner).files(FileKind.INDEX)]
    assert listed == IDS
    assert (inner.asked, len(waiting.slept)) == (3, 2)


def test_the_time_is_bounded(waiting: Waiting) -> None:
    inner = FlakyBackend(failures=10_000)
    with pytest.raises(StorageUnavailable) as raised:
        waiting.around(inner, give_up_after_seconds=600).load(NAME)
    assert raised.value is AWAY
    assert 530 < waiting.seconds <= 600


def test_a_dead_server_is_waited_for_once(waiting: Waiting) -> None:
    inner = FlakyBackend(failures=10_000)
    tried = waiting.around(inner)
    with pytest.raises(StorageUnavailable):
        tried.load(NAME)
    asked, waited = inner.asked, waiting.seconds
    with pytest.raises(StorageUnavailable):
        tried.remove(NAME)
    assert (inner.asked, waiting.seconds) == (asked + 1, waited)
    inner.failures = 0
    tried.remove(NAME)
    # It lives again, and so is waited for again.
    inner.failures = 2
    tried.remove(NAME)
    assert waiting.seconds > waited


def test_one_hears_what_is_waited_for_but_not_of_a_hiccup(waiting: Waiting) -> None:
    inner = FlakyBackend(failures=1)
    tried = waiting.around(inner)
    tried.save(NAME, b"x")
    assert waiting.said == []
    inner.failures = 3
    tried.save(NAME, b"x")
    assert waiting.said == [
        "nas.example.id does not answer; trying again in 1 s",
        "nas.example.id does not answer; trying again in 2 s",
    ]


def test_one_hears_at_once_of_a_try_that_took_its_time(waiting: Waiting) -> None:
    class SlowBackend(FlakyBackend):
        def _do(self, act: Callable[[], object]) -> object:
            waiting.seconds += 60
            return super()._do(act)

    inner = SlowBackend(failures=1)
    waiting.around(inner).save(NAME, b"x")
    assert waiting.said == ["nas.example.id does not answer; trying again in 1 s"]


def test_somebody_else_may_say_how_long_is_long_enough(waiting: Waiting) -> None:
    inner = FlakyBackend(failures=10_000)
    tried = waiting.around(inner)
    asked: list[float] = []

    def is_over(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) == 3

    tried.is_over = is_over
    with pytest.raises(StorageUnavailable):
        tried.load(NAME)
    assert asked == [0.2, 1.2, 3.2]


def test_silence_before_the_error_counts(waiting: Waiting) -> None:
    silent = StorageUnavailable("nas.example.id does not answer", hint="wait")
    silent.silent_seconds = 60
    inner = FlakyBackend(silent, failures=10_000)
    with pytest.raises(StorageUnavailable):
        waiting.around(inner, give_up_after_seconds=60).load(NAME)
    assert (inner.asked, waiting.slept) == (1, [])


def test_delays_grow_to_a_minute_and_are_never_all_the_same() -> None:
    delays = [plan_delay(failures, 0) for failures in range(1, 12)]
    assert delays == [0.2, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert plan_delay(10**9, 1) == 30
    assert plan_delay(3, 0.5) == 1.5
