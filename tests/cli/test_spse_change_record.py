"""``spse change record`` where no upgrade is needed: installations, ids, and what is refused."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.commands import Ended
from tests.cli.spsehost import CONFIGURATION, SpseHost, is_root
from tests.spse.test_upgraderun import REPORT

pytestmark = pytest.mark.skipif(not is_root(), reason="run as root: what root did is recorded")
SECRET = "Rah4sia-sekali"


@pytest.fixture
def host(tmp_path: Path) -> SpseHost:
    host = SpseHost(tmp_path)
    host.install("4.5", {CONFIGURATION: f"db.pass={SECRET}\n".encode()})
    return host


def record(host: SpseHost, *args: str | Path) -> Ended:
    return host.spse("change", "record", *args, "--releases", host.releases)


def runs(host: SpseHost) -> list[dict[str, object]]:
    """What the ledger holds, read by nobody but json."""
    (ledger,) = (host.state / "ledger").rglob("ledger.jsonl")
    lines = ledger.read_text().splitlines()
    return [json.loads(line)["facts"] for line in lines]


def test_an_installation_is_on_record_once(host: SpseHost):
    tests = [f"login: {SECRET}", "port: 9090"]
    report = host.write_private("install.json", json.dumps(REPORT | {"tests": tests}))
    args = ("--kind", "install", "--report", report, "--reason", "server baru")
    ended = record(
        host, *args, "--performed-by", "Sari", "--performed-by", "Budi", "--format", "json"
    )
    assert ended.code == 0, ended.stderr
    answer = ended.json()
    assert (answer["changed"], answer["kind"], answer["result"]) == (True, "install", "done")
    again = record(host, *args)
    assert again.stdout.startswith(f"on record already  {answer['id']}: install, done\n")
    (facts,) = runs(host)
    assert facts["performed_by"] == ["Sari", "Budi"]
    package = host.root / "spse-4.5.tar"
    assert facts["package"] == {  # type: ignore[comparison-overlap]
        "name": package.name,
        "version": "4.5",
        "sha256": hashlib.sha256(package.read_bytes()).hexdigest(),
    }
    assert facts["tests"] == ["login: ********", "port: 9090"]


def test_a_change_that_is_not_known_here_is_no_obstacle(host: SpseHost):
    """It may be on record where the upgrade was called for."""
    host.leave_upgrade(outcome="done", ended="2026-11-22T02:20:00Z")
    ended = record(host, "--change", "2026-0042", "--format", "json")
    assert (ended.code, ended.json()["kind"]) == (0, "upgrade")
    assert "change 2026-0042 is not on record on this machine" in ended.stderr


def test_what_cannot_be_recorded_is_said(host: SpseHost):
    assert record(host).code == 5
    state = host.leave_upgrade()
    state.write_text("{}")
    ended = record(host)
    assert (ended.code, "steprunner status" in ended.stderr) == (1, True)
    state.chmod(0o622)
    assert record(host).code == 7
    report = host.write_private("install.json", json.dumps(REPORT | {"to": {"version": "../x"}}))
    assert record(host, "--report", report).code == 0
