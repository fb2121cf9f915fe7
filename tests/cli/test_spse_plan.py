"""``spse plan``: of real releases, judged by the step runner itself, sized by PostgreSQL."""

import hashlib
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Ended
from tests.cli.spsehost import CONFIGURATION, SpseHost, is_root
from tests.postgres.conftest import server, system_installation
from tests.postgres.servers import Server
from tests.spse.archives import good_tar, header, write

__all__ = ["server", "system_installation"]

pytestmark = pytest.mark.skipif(not is_root(), reason="run as root: owners are given away")
RUNNER = Path(__file__).parents[2] / "roles/spse/files/steprunner"
DEFAULT = b"http.port=9090\ndb=postgres://epns:epns@localhost/epns_prod\n"
SECRET = "Rah4sia-sekali"
SITE = DEFAULT.replace(b"epns:epns", f"epns:{SECRET}".encode())
STEPS = [
    *("maintenance", "stop", "backup", "rollback-point", "switch", "files", "migrate"),
    *("start", "prove", "let-in", "tidy"),
]


@pytest.fixture
def host(tmp_path: Path) -> SpseHost:
    """4.4 is current; 4.5 is unpacked."""
    host = SpseHost(tmp_path)
    old = host.install("4.4", {CONFIGURATION: DEFAULT})
    host.install("4.5", {CONFIGURATION: DEFAULT + b"baru=1\n"})
    (old / CONFIGURATION).write_bytes(SITE)
    host.make_current("4.4")
    return host


def site(host: SpseHost, **changes: Any) -> Path:
    command = {"argv": ["{link}/spse4", "start"]}
    value = {
        "link": str(host.link),
        "maintenance": {"flag": "/var/www/lpse-ops/m.html", "notice": "<h1>Pemeliharaan</h1>"},
        "application": {
            "account": "games",
            "port": 9090,
            **dict.fromkeys(("start", "stop", "migration"), command),
        },
        "backup": {"run": {"argv": ["true"]}, "verify": {"argv": ["true", "{snapshot}"]}},
        "database": {"name": "epns_prod", "port": 1, "account": "nobody"},
        "health": {"pages": [{"name": "local", "url": "http://127.0.0.1:9090/", "text": "Masuk"}]},
    }
    return host.write_private("site.json", json.dumps(value | changes))


def plan(host: SpseHost, *args: str | Path, release: str = "4.5", **changes: Any) -> Ended:
    path = site(host, **changes)
    places = ("--site", path, "--releases", host.releases, "--steprunner", RUNNER)
    return host.spse("plan", "--release", release, "--id", "uji-1", *places, *args)


def test_the_plan_is_what_the_step_runner_takes(host: SpseHost):
    output = host.root / "plan.json"
    ended = plan(host, "--output", output, "--format", "json")
    assert ended.code == 0, ended.stderr
    answer = ended.json()
    assert (answer["needed"], answer["changed"], answer["backup"]) == (True, True, True)
    assert [step["name"] for step in answer["steps"]] == STEPS
    assert all(step["what"] and step["taken_back_by"] for step in answer["steps"])
    assert (stat.S_IMODE(output.stat().st_mode), output.stat().st_uid) == (0o600, 0)
    written = json.loads(output.read_bytes())
    assert written["to"] == {
        "version": "4.5",
        "release": str(host.releases / "4.5"),
        "pid_file": "server.pid",
        "log": "logs/spse4.5.log",
    }
    (file,) = written["files"]
    source = Path(file["source"])
    assert source.read_bytes() == SITE + b"baru=1\n"
    assert file["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (file["target"], file["mode"]) == ("conf/application.conf", "0640")
    before = output.read_bytes()
    again = plan(host, "--output", output, "--format", "json")
    assert (again.json()["changed"], output.read_bytes()) == (False, before)
    assert SECRET not in ended.stdout + ended.stderr + output.read_text()


def test_what_people_read(host: SpseHost, server: Server):
    database = {
        "name": server.new_database(),
        "host": server.socket_folder,
        "port": server.tcp_port,
        "user": "postgres",
        "account": "postgres",
        "programs": str(server.installation.folder),
        "reserve_mib": 0,
    }
    ended = plan(host, database=database)
    assert ended.code == 0, ended.stderr
    assert "upgrade uji-1: SPSE 4.4 -> 4.5\n" in ended.stdout
    assert "rollback point: a clone, from which going back takes seconds" in ended.stdout
    assert " 10. let-in" in ended.stdout
    assert "back: NOT without loss" in ended.stdout
    assert "new       baru = 1" in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr
    room = plan(host, "--format", "json", database=database | {"reserve_mib": 1 << 24})
    assert room.json()["room"]["kind"] == "dump"
    unknown = plan(host)
    assert (unknown.code, "nobody answered" in unknown.stdout) == (0, True)


def test_without_a_backup_somebody_says_why(host: SpseHost):
    assert plan(host, backup={}).code == 7
    ended = plan(host, "--accept-risk", "server latihan", backup={})
    assert ended.code == 0, ended.stderr
    assert "NO BACKUP  because: server latihan" in ended.stdout


def test_the_current_release_needs_no_upgrade(host: SpseHost):
    output = host.root / "plan.json"
    assert plan(host, "--output", output).code == 0
    ended = plan(host, "--output", output, "--format", "json", release="4.4")
    assert (ended.code, ended.json()["needed"], output.exists()) == (0, False, False)


def test_a_way_to_an_older_release_is_called_so(host: SpseHost):
    assert plan(host, "--format", "json").json()["downgrade"] is False
    host.make_current("4.5")
    older = plan(host, "--format", "json", release="4.4")
    assert (older.code, older.json()["downgrade"]) == (0, True), older.stderr
    assert "DOWNGRADE: 4.4 is older than 4.5" in older.stderr
    assert "\nDOWNGRADE: the new release is older" in plan(host, release="4.4").stdout


def test_what_is_wrong_is_said_and_leaves_no_plan(host: SpseHost):
    output = host.root / "plan.json"
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (78, "health has no keys", {"health": []}),
        (78, "too many or too few: x", {"x": 1}),
        (1, "plan.health.pages", {"health": {"pages": []}}),
        (1, "http.port '9090', site.json 9191", {"application": {"port": 9191}}),
    ]
    for code, said, changes in cases:
        ended = plan(host, "--output", output, **changes)
        assert (ended.code, ended.stdout) == (code, ""), ended.stderr
        assert said in ended.stderr
        assert "hint: " in ended.stderr
    path = site(host)
    path.chmod(0o644)
    args = ("--site", path, "--releases", host.releases, "--id", "x", "--output", output)
    ended = host.spse("plan", "--release", "4.5", *args)
    assert (ended.code, f"chmod 600 {path}" in ended.stderr) == (7, True)
    host.link.unlink()
    assert plan(host, "--output", output).code == 2
    assert not output.exists()
    assert not host.files.exists()


def test_nothing_is_planned_into_an_upgrade_that_is_not_over(host: SpseHost):
    host.leave_upgrade()
    assert plan(host).code == 7
    host.leave_upgrade(outcome="done")
    assert plan(host).code == 0


def test_only_a_person_knows(host: SpseHost):
    host.install("4.6", {CONFIGURATION: DEFAULT + b"sikap.url=<alamat>\n"})
    ended = plan(host, "--output", host.root / "plan.json", release="4.6")
    assert (ended.code, ended.stdout) == (1, "")
    assert "somebody must decide sikap.url" in ended.stderr
    values = host.write_private("nilai.json", json.dumps({"sikap.url": "https://x"}))
    assert plan(host, "--set-file", values, release="4.6").code == 0


def test_a_package_that_is_not_unpacked_is_only_shown(host: SpseHost):
    unpacked = plan(host, "--format", "json").json()
    package = host.package("4.5", {CONFIGURATION: DEFAULT + b"baru=1\n"})
    shutil.rmtree(host.releases / "4.5")
    shutil.rmtree(host.files)
    before = {*host.root.rglob("*"), host.root / "site.json"}
    places = ("--site", site(host), "--releases", host.releases, "--steprunner", RUNNER)
    args = ("--package", package, "--id", "uji-1", *places)
    ended = host.spse("plan", *args, "--format", "json")
    assert ended.code == 0, ended.stderr
    shown = ended.json()
    assert (shown.pop("unpacked"), unpacked.pop("unpacked")) == (False, True)
    assert shown == unpacked
    assert set(host.root.rglob("*")) == before
    assert host.spse("plan", *args, "--output", host.root / "plan.json").code == 2
    hostile = write(host.root, good_tar(header("spse/../../x")), "spse-4.5.tar")
    assert host.spse("plan", *args[2:], "--package", hostile).code == 7
    assert host.spse("plan", *args[2:]).code == 2
