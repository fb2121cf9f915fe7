"""Tries again while a remote place does not answer: a line that is cut, a server that restarts.

A wrapper around any backend.  Only ``StorageUnavailable`` is tried again: what is refused, missing
or damaged stays so.  Every operation may be done twice: a save whose answer was lost finds its
own content there, a removal finds nothing, a listing goes on with what it has not yet given.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.errors import StorageUnavailable

GIVE_UP_AFTER_SECONDS = 900.0
# The first is for a session that died of old age: nobody needs to hear of it.
_FIRST_DELAY_SECONDS, _SECOND_DELAY_SECONDS = 0.2, 1.0
_LONGEST_DELAY_SECONDS = 60.0
# Whoever waited so long for nothing wants to know why.
_FELT_SECONDS = 1.0

Result = TypeVar("Result")


def plan_delay(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row; ``chance`` is from 0 to 1.

    Twice as long each time, less up to half of it: several who wait do not come back at once.
    """
    if failures <= 1:
        longest = _FIRST_DELAY_SECONDS
    else:
        # A large power of two would not fit a float.
        longest = min(_LONGEST_DELAY_SECONDS, _SECOND_DELAY_SECONDS * 2.0 ** min(failures - 2, 16))
    return longest * (1 - chance / 2)


class RetryBackend(BackendWrapper):
    """Passes the contract of ``Backend``.

    Once the time is up each further operation gets one try, until one succeeds: a dead server is
    waited for once, not once for each file.  ``tell`` gets one line for each wait that is felt.
    """

    def __init__(
        self,
        inner: Backend,
        *,
        tell: Callable[[str], None] = lambda _text: None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        give_up_after_seconds: float = GIVE_UP_AFTER_SECONDS,
    ) -> None:
        super().__init__(inner)
        self._tell = tell
        self._sleep = sleep
        self._now = now
        self._chance = chance
        # Told for how many seconds nothing has worked; says whether that is long enough.
        self.is_over: Callable[[float], bool] = lambda seconds: seconds > give_up_after_seconds
        self._lock = threading.Lock()
        self._has_given_up = False
        self._told_until = float("-inf")

    def prepare(self) -> None:
        self._keep_trying(self._inner.prepare)

    def exists(self, name: str) -> bool:
        return self._keep_trying(lambda: self._inner.exists(name))

    def save(self, name: str, content: Buffer) -> None:
        self._keep_trying(lambda: self._inner.save(name, content))

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._keep_trying(lambda: self._inner.load(name, offset, length))

    def remove(self, name: str) -> None:
        self._keep_trying(lambda: self._inner.remove(name))

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        """Each file once, also when the listing broke off and was begun anew."""
        given: set[str] = set()
        listing: list[Iterator[StoredFile]] = []

        def take() -> StoredFile | None:
            try:
                if not listing:
                    listing.append(iter(self._inner.files(kind)))
                for file in listing[0]:
                    if file.id not in given:
                        return file
            except StorageUnavailable:
                # A generator that has raised is at its end; the next begins anew.
                listing.clear()
                raise
            return None

        while (file := self._keep_trying(take)) is not None:
            given.add(file.id)
            yield file

    def _keep_trying(self, act: Callable[[], Result]) -> Result:
        begun: float | None = None
        failures = 0
        while True:
            tried = self._now()
            try:
                result = act()
            except StorageUnavailable as error:
                begun = self._now() - error.silent_seconds if begun is None else begun
                failures += 1
                is_felt = failures > 1 or self._now() - tried >= _FELT_SECONDS
                self._wait(error, failures, begun, is_felt=is_felt)
            else:
                self._has_given_up = False
                return result

    def _wait(
        self, error: StorageUnavailable, failures: int, begun: float, *, is_felt: bool
    ) -> None:
        """Wait for the next try, or raise the error when there is none."""
        delay = plan_delay(failures, self._chance())
        if self._has_given_up or self.is_over(self._now() + delay - begun):
            self._has_given_up = True
            raise error
        if is_felt:
            self._say(error, delay)
        self._sleep(delay)

    def _say(self, error: StorageUnavailable, delay: float) -> None:
        """Tell once for all threads that wait at the same time."""
        with self._lock:
            is_news = self._now() >= self._told_until
            if is_news:
                self._told_until = self._now() + delay
        if is_news:
            self._tell(f"{error.message}; trying again in {max(1, round(delay))} s")
