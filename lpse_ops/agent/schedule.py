"""Which requests may begin: each after the one before it, and only if what it needs went well.

Runs on the managed host: pure, standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Dict, List, Optional, Set

from lpse_ops.agent.request import Request


class Schedule:
    """Requests that wait, those that run, and the numbers of those that went wrong."""

    def __init__(self) -> None:
        self._waiting: Dict[int, Request] = {}
        self._running: Set[int] = set()
        self._went_wrong: Set[int] = set()

    def add(self, request: Request) -> None:
        self._waiting[request.id] = request

    def take_ready(self) -> List[Request]:
        """Remove and return what may begin now, in the order it came; it counts as running."""
        ready = []
        for request in list(self._waiting.values()):
            if request.after not in self._running and request.after not in self._waiting:
                del self._waiting[request.id]
                self._running.add(request.id)
                ready.append(request)
        return ready

    def is_wanted(self, request: Request) -> bool:
        """Whether all that a request needs went well."""
        return self._went_wrong.isdisjoint(request.needs)

    def answered(self, number: int, *, well: bool) -> None:
        """A request has its answer: those after it may begin."""
        self._running.discard(number)
        if not well:
            self._went_wrong.add(number)

    def cancel(self, number: int) -> Optional[Request]:
        """Take back a request that has not begun, if there is one."""
        return self._waiting.pop(number, None)
