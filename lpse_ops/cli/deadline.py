"""Questions to places that may never answer: asked side by side, and not waited for too long."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from lpse_ops.errors import OpsError, StorageUnavailable

Answer = TypeVar("Answer")


def ask_all(
    questions: Mapping[str, Callable[[], Answer]],
    patience: timedelta,
    hint: str = "see whether the network and the other side are up; --timeout 60s waits longer",
) -> dict[str, Answer | OpsError]:
    """The answer of each, or its OpsError; who has not answered in time is ``StorageUnavailable``.

    Any other exception is raised.  A thread that still waits does not keep the program from
    ending.
    """
    answers: dict[str, Answer | BaseException] = {}

    def ask(name: str, question: Callable[[], Answer]) -> None:
        try:
            answers[name] = question()
        except BaseException as error:  # raised again below
            answers[name] = error

    threads = {
        name: threading.Thread(target=ask, args=(name, question), daemon=True)
        for name, question in questions.items()
    }
    for thread in threads.values():
        thread.start()
    give_up = time.monotonic() + patience.total_seconds()
    for thread in threads.values():
        thread.join(max(give_up - time.monotonic(), 0))
    return {name: _settle(name, answers.get(name, _NOTHING), patience, hint) for name in questions}


class _Nothing:
    pass


_NOTHING = _Nothing()


def _settle(
    name: str, answer: "Answer | BaseException | _Nothing", patience: timedelta, hint: str
) -> Answer | OpsError:
    if isinstance(answer, _Nothing):
        return StorageUnavailable(
            f"{name} did not answer within {patience.total_seconds():g} seconds",
            hint=hint,
        )
    if isinstance(answer, BaseException) and not isinstance(answer, OpsError):
        raise answer
    return answer
