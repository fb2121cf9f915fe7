"""firewalld asked by its commands: what a zone has now, and what it will have for good.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  No Python
binding of firewalld is needed.
"""

import re
from typing import List, NamedTuple, Optional

from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Failed

_NO = 1
_NOT_RUNNING = 252
_NO_SERVICE_HINT = (
    "Services are defined by port/tcp relationship and named as they are in /etc/services "
    "(on most systems)"
)
NOW, FOR_GOOD = "now", "for good"


class FirewallProblem(Exception):
    """firewalld refused; the text is its own."""


class Firewalld:
    """The commands of one host; ``is_running`` says whether there is a daemon to talk to."""

    def __init__(self) -> None:
        self._program = _find("firewall-cmd")
        asked = run_command([self._program, "--get-default-zone"])
        self.is_running = asked.rc != _NOT_RUNNING
        if not self.is_running:
            self._program = _find("firewall-offline-cmd")
            asked = run_command([self._program, "--get-default-zone"])
        if asked.rc != 0:
            raise Failed("firewalld does not answer: " + asked.stderr.strip())
        self.default_zone = asked.stdout.strip()

    def ask(self, side: str, *words: str) -> str:
        """What a command prints about one side: as it is NOW, or FOR_GOOD."""
        return self._finish(self._start(side, *words))

    def has(self, side: str, *words: str) -> bool:
        """The answer to a query, which is yes or no."""
        done = self._start(side, *words)
        return False if done.rc == _NO and done.stdout.strip() == "no" else bool(self._finish(done))

    def _start(self, side: str, *words: str) -> Finished:
        permanent = ["--permanent"] if side == FOR_GOOD and self.is_running else []
        return run_command([self._program, *permanent, *words])

    def _finish(self, done: Finished) -> str:
        if done.rc != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise FirewallProblem(re.sub("^Error: ", "", said[-1]) if said else "it says nothing")
        return done.stdout.strip()


class Setting(NamedTuple):
    """Something that a zone has or has not: ``words`` is ``service=https`` or ``masquerade``.

    An interface has one zone: it moves there from wherever it was.
    """

    words: str
    zone: str
    timeout_seconds: int = 0
    moves: bool = False

    def is_set(self, firewall: Firewalld, side: str) -> bool:
        return firewall.has(side, "--zone=" + self.zone, "--query-" + self.words)

    def change(self, firewall: Firewalld, side: str, *, wanted: bool) -> None:
        verb = ("change" if self.moves else "add") if wanted else "remove"
        more = []
        if wanted and side == NOW and self.timeout_seconds:
            more = [f"--timeout={self.timeout_seconds}"]
        firewall.ask(side, "--zone=" + self.zone, f"--{verb}-{self.words}", *more)


class Target(NamedTuple):
    """What becomes of packets that no rule of a zone is about."""

    target: str
    zone: str

    def is_set(self, firewall: Firewalld, side: str) -> bool:
        return firewall.ask(side, "--zone=" + self.zone, "--get-target") == self.target

    def change(self, firewall: Firewalld, side: str, *, wanted: bool) -> None:
        target = self.target if wanted else "default"
        firewall.ask(side, "--zone=" + self.zone, "--set-target=" + target)


class Zone(NamedTuple):
    """A zone of one's own."""

    zone: str

    def is_set(self, firewall: Firewalld, side: str) -> bool:
        return self.zone in firewall.ask(side, "--get-zones").split()

    def change(self, firewall: Firewalld, side: str, *, wanted: bool) -> None:
        firewall.ask(side, ("--new-zone=" if wanted else "--delete-zone=") + self.zone)


def explain(problem: FirewallProblem, said: List[str]) -> str:
    """The failure in the words of ansible.posix; ``said`` is what was done before it."""
    hints = [_NO_SERVICE_HINT] if "INVALID_SERVICE" in str(problem) else []
    return " ".join(["ERROR: Exception caught:", str(problem), ", ".join([*said, *hints])]).rstrip()


def _find(name: str) -> str:
    program: Optional[str] = find_program(name)
    if program is None:
        raise Failed(f'Failed to find required executable "{name}": install the package firewalld')
    return program
