"""The real restic as judge: ``restic_old``, ``restic_new``, and ``restic`` once with each."""

import signal

import pytest

from tests.noskips import pytest_addoption, pytest_sessionfinish, pytest_terminal_summary
from tests.restic_binaries import Binaries, Restic, find_restics

pytest_plugins = ["tests.lab.fixtures", "tests.lab.s3fixtures"]

# What is started in the background, or by nohup, ignores these, and so would all that it starts.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, default)

__all__ = ["pytest_addoption", "pytest_sessionfinish", "pytest_terminal_summary"]


@pytest.fixture(scope="session")
def restic_binaries() -> Binaries:
    return find_restics()


@pytest.fixture(scope="session")
def restic_old(restic_binaries: Binaries) -> Restic:
    """restic 0.14.0, as in bookworm: what a stranger has at hand."""
    return restic_binaries.old


@pytest.fixture(scope="session")
def restic_new(restic_binaries: Binaries) -> Restic:
    """The newest restic that Debian carries in any suite."""
    return restic_binaries.new


@pytest.fixture(scope="session", params=["old", "new"])
def restic(request: pytest.FixtureRequest, restic_binaries: Binaries) -> Restic:
    return restic_binaries.old if request.param == "old" else restic_binaries.new
