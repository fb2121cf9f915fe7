"""Fixtures for tests that need a host; give such tests one ``xdist_group`` if they share it.

``sshd``        the quick one: this machine itself, over loopback (0.1 s, once)
``line_to``     slow TCP lines to any port
``lab``         hosts of your own: ``lab.up("h1", "h2")``
``lab_host``    one Debian host for all tests of the process (0.5 s, once); leave it as it was
``fresh_host``  one with a fresh disk, for this test alone
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.delayproxy import DelayProxy, open_delay_proxy
from tests.lab.lab import Host, Lab, open_lab
from tests.lab.needs import say_what_machines_need, say_what_sshd_needs
from tests.lab.sshd import Sshd, open_sshd

LineTo = Callable[..., DelayProxy]


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if reason := say_what_sshd_needs():
        pytest.skip(reason)
    with open_sshd(Path(tmp_path_factory.mktemp("sshd")) / "sshd") as running:
        yield running


@pytest.fixture
def line_to() -> Iterator[LineTo]:
    """``line_to(host, port, delay_ms=25)`` gives a proxy, until the end of the test."""
    with contextlib.ExitStack() as lines:

        def put_line(host: str, port: int, *, delay_ms: float, rate_mbit: float = 0) -> DelayProxy:
            line = open_delay_proxy(host, port, delay_ms=delay_ms, rate_mbit=rate_mbit)
            return lines.enter_context(line)

        yield put_line


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if reason := say_what_machines_need():
        pytest.skip(reason)
    with open_lab() as running:
        yield running


@pytest.fixture(scope="session")
def lab_host(lab: Lab) -> Host:
    [host] = lab.up("shared")
    return host


@pytest.fixture
def fresh_host(lab: Lab) -> Iterator[Host]:
    [host] = lab.up(f"fresh-{secrets.token_hex(3)}")
    yield host
    host.remove()
