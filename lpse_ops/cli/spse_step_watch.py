"""Which step each host is at while its upgrade runs, for the last line of a terminal.

The hosts are asked over the links that the play uses; who does not answer is shown without.
"""

import threading
from collections.abc import Callable, Sequence

from lpse_ops.errors import OpsError
from lpse_ops.spse.runnerstatus import RunnerStatus

_EVERY_SECONDS = 2.0


class StepWatch:
    """``remark`` never waits; a thread of its own asks those who were last remarked on."""

    def __init__(
        self, read: Callable[[str], RunnerStatus], every_seconds: float = _EVERY_SECONDS
    ) -> None:
        self._read = read
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._wanted: list[str] = []
        self._known: dict[str, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="step watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Ask nobody any more; an answer that is still out is not waited for."""
        self._ended.set()

    def remark(self, hosts: Sequence[str]) -> str:
        """``spse-1: migrate (6 of 11 done)`` of those that are known to be at a step.

        Of a single one without its name.
        """
        with self._lock:
            self._wanted = list(hosts)
            told = {host: self._known[host] for host in hosts if host in self._known}
        if len(hosts) == 1:
            return next(iter(told.values()), "")
        return ", ".join(f"{host}: {step}" for host, step in told.items())

    def _keep(self) -> None:
        while not self._ended.wait(self._every_seconds):
            with self._lock:
                wanted, self._wanted = self._wanted, []
            for host in wanted:
                self._note(host)

    def _note(self, host: str) -> None:
        try:
            status = self._read(host)
        except OpsError:
            text = ""
        else:
            text = describe_progress(status)
        with self._lock:
            self._known.pop(host, None)
            if text:
                self._known[host] = text


def describe_progress(status: RunnerStatus) -> str:
    """Empty unless a step runner is at work."""
    if status.phase != "running" or not status.step:
        return ""
    verb = "taking back " if status.is_back else ""
    return f"{verb}{status.step} ({status.n_ended} of {status.n_steps} done)"
