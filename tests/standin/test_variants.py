"""Releases that go wrong in ways of their own."""

import os
import signal
import subprocess
import time

import pytest

from tests.lab.waiting import is_running, wait_until
from tests.standin.conftest import OpenSite
from tests.standin.site import Site


def run_up(put_up: OpenSite, name: str, database: str) -> Site:
    site = put_up(name, database)
    said = site.migrate()
    assert said.status == 0, said
    site.start()
    return site


def test_one_hangs(put_up: OpenSite, database: str) -> None:
    site = run_up(put_up, "spse-4.5-hangs", database)
    with pytest.raises(TimeoutError):
        site.get("/login", timeout_seconds=0.5)
    # Nothing else gives it away.
    assert "ERROR" not in site.log
    assert site.pid is not None
    assert is_running(site.pid)


def test_one_answers_504(put_up: OpenSite, database: str) -> None:
    site = run_up(put_up, "spse-4.5-answers-504", database)
    assert site.get("/login").status == 504
    assert "ERROR" not in site.log


def test_one_serves_and_logs_errors(put_up: OpenSite, database: str) -> None:
    site = run_up(put_up, "spse-4.5-logs-errors", database)
    assert site.get("/login").status == 200
    assert site.log.count(" ERROR ~ ") == 2
    assert "java.lang.IllegalStateException: Tidak dapat membaca konfigurasi sikap.url" in site.log


def test_one_ignores_term_and_so_does_its_script(put_up: OpenSite, migrated_database: str) -> None:
    site = run_up(put_up, "spse-4.4-ignores-term", migrated_database)
    assert site.pid is not None
    os.kill(site.pid, signal.SIGTERM)
    stopping = subprocess.Popen([site.home / "spse4", "stop"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        stopping.terminate()
        time.sleep(0.3)
        assert stopping.poll() is None
        assert site.get("/login").status == 200
        os.kill(site.pid, signal.SIGKILL)
        assert stopping.wait(10) == 0
    finally:
        stopping.kill()
    assert wait_until(lambda: not site.processes())


def test_the_others_end_by_term(put_up: OpenSite, migrated_database: str) -> None:
    site = run_up(put_up, "spse-4.4", migrated_database)
    assert site.pid is not None
    os.kill(site.pid, signal.SIGTERM)
    assert wait_until(lambda: not site.processes())
