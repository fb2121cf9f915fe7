"""``--no-skips``: a skipped test fails the run, so that CI proves everything it claims to.

The real restic as judge: ``restic_old``, ``restic_new``, and ``restic`` once with each.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.restic_binaries import Binaries, Restic, find_restics

NO_SKIPS_EXIT_CODE = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=bool(os.environ.get("CI")),
        help="fail the run when a test was skipped (always so where CI is set)",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    if session.exitstatus == pytest.ExitCode.OK and _forbidden_skips(session.config):
        session.exitstatus = NO_SKIPS_EXIT_CODE
    yield


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    stats = terminalreporter.stats
    # Each test has one of these outcomes; errors of fixtures come on top of "passed".
    outcomes = ("passed", "failed", "skipped", "xfailed", "xpassed")
    collected = sum(len(stats.get(outcome, ())) for outcome in outcomes)
    skipped = len(stats.get("skipped", ()))
    terminalreporter.write_line(f"collected {collected} tests, {skipped} skipped")
    if _forbidden_skips(config):
        terminalreporter.write_line("a skipped test proves nothing: failing the run", red=True)


def _forbidden_skips(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    # Worker processes of xdist have none: their controller counts.
    if reporter is None or not config.getoption("--no-skips"):
        return 0
    return len(reporter.stats.get("skipped", ()))


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
