"""``--no-skips``: a skipped test fails the run, so that CI proves everything it claims to."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

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
