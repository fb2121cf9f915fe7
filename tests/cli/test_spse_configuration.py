"""``spse configuration propose``: between real releases, as root would type it."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.cli.spsehost import CONFIGURATION, SpseHost, is_root

pytestmark = pytest.mark.skipif(not is_root(), reason="run as root: owners are given away")
OLD = b"http.port=9090\ndb=postgres://epns:epns@localhost/epns_prod\npool=3\nurl=http://a\nlama=1\n"
NEW = b"http.port=9090\ndb=postgres://epns:epns@localhost/epns_prod\npool=5\nurl=http://b\nbaru=1\n"
SECRET = "Rah4sia-sekali"
SITE = b"db=postgres://epns:Rah4sia-sekali@localhost/epns_prod\npool=3\nurl=http://c\nlama=1\n"
SCRIPT = b"#!/bin/sh\nJAVA_HOME=/usr/lib/jvm/java-8\n"


@pytest.fixture
def host(tmp_path: Path) -> SpseHost:
    """4.4 is current, with settings and a Java of the site's; 4.5 is unpacked."""
    host = SpseHost(tmp_path)
    old = host.install("4.4", {CONFIGURATION: OLD, "spse4": SCRIPT})
    host.install("4.5", {CONFIGURATION: NEW, "spse4": SCRIPT})
    (old / CONFIGURATION).write_bytes(SITE)
    (old / "spse4").write_bytes(SCRIPT.replace(b"java-8", b"java-21"))
    host.make_current("4.4")
    return host


def propose(host: SpseHost, *args: str | Path, stdin: str = "", release: str = "4.5"):
    return host.at_places("configuration", "propose", "--release", release, *args, stdin=stdin)


def test_the_sites_settings_go_along(host: SpseHost):
    ended = propose(host, "--format", "json")
    assert ended.code == 0, ended.stderr
    answer = ended.json()
    assert {each["key"]: each["fate"] for each in answer["settings"]} == {
        "baru": "added",
        "db": "site",
        "http.port": "site",
        "lama": "kept",
        "pool": "changed",
        "url": "conflict",
    }
    assert (answer["from"], answer["changed"], answer["undecided"]) == ("4.4", True, [])
    output = Path(answer["output"])
    assert output == host.files / "4.5/application.conf"
    proposed = SITE.replace(b"pool=3", b"pool=5").replace(b"lama", b"baru=1\nlama")
    assert output.read_bytes() == proposed
    assert (host.files / "4.5/spse4").read_bytes() == SCRIPT.replace(b"java-8", b"java-21")
    for path in (output, host.files / "4.5/spse4"):
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, 0)
    assert stat.S_IMODE(output.parent.stat().st_mode) == 0o700
    again = propose(host)
    assert SECRET not in ended.stdout + ended.stderr + again.stdout + again.stderr
    assert "CONFLICT  url stays http://c; the package has http://b" in again.stdout
    assert propose(host, "--format", "json").json()["changed"] is False


def test_a_person_decides(host: SpseHost):
    values = host.write_private("nilai.yml", "http.port: 9009\nlama: null\n")
    output = host.root / "usul.conf"
    ended = propose(host, "--set-file", values, "--take-new", "url", "--output", output)
    assert ended.code == 0, ended.stderr
    lines = output.read_text().splitlines()
    assert {"url=http://b", "http.port=9009"} <= set(lines)
    assert "lama=1" not in lines
    assert not (host.files / "4.5/application.conf").exists()
    values.chmod(0o644)
    ended = propose(host, "--set-file", values)
    assert ended.code == 7
    assert f"chmod 600 {values}" in ended.stderr
    ended = propose(host, "--take-new", "tidak.ada")
    assert ended.code == 2


def test_the_first_installation(tmp_path: Path):
    host = SpseHost(tmp_path)
    host.install("4.5", {CONFIGURATION: NEW})
    ended = propose(host, "--format", "json")
    assert (ended.code, [each["key"] for each in ended.json()["undecided"]]) == (1, ["db"])
    assert "--set-file" in ended.stderr
    given = {"db": f"postgres://epns:{SECRET}@localhost/epns_prod", "http.address": "127.0.0.1"}
    ended = propose(host, "--set-file", "-", stdin=json.dumps(given))
    assert ended.code == 0, ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    written = (host.files / "4.5/application.conf").read_bytes()
    assert written == NEW.replace(b"epns:epns@", f"epns:{SECRET}@".encode()) + (
        b"http.address=127.0.0.1\n"
    )


@pytest.mark.parametrize(
    ("stdin", "code"),
    [("[]", 78), ("db: [1]", 78), (f"db: {SECRET}: x", 78), ("x" * (1 << 21), 2)],
    ids=["no keys", "no text", "a secret", "too long"],
)
def test_values_that_are_none(host: SpseHost, stdin: str, code: int):
    ended = propose(host, "--set-file", "-", stdin=stdin)
    assert (ended.code, ended.stdout) == (code, "")
    assert SECRET not in ended.stderr


def test_a_link_in_the_application_leads_root_nowhere(host: SpseHost):
    """The account could lay one in a tree that was installed by hand."""
    secret = host.write_private("shadow", "root=x\n")
    path = host.releases / "4.4" / CONFIGURATION
    path.unlink()
    path.symlink_to(secret)
    ended = propose(host)
    assert (ended.code, ended.stdout) == (1, "")
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(host.root)
    assert propose(host).code == 1
    assert not host.files.exists()


def test_what_is_planned_for_an_upgrade_stays_until_it_is_over(host: SpseHost):
    host.leave_upgrade()
    ended = propose(host)
    assert ended.code == 7
    assert "lpse-ops spse upgrade --resume" in ended.stderr
    assert propose(host, "--output", host.root / "usul.conf").code == 0


def test_where_the_settings_are_not_known(host: SpseHost):
    assert propose(host, release="4.6").code == 1
    host.link.unlink()
    os.mkdir(host.link)
    ended = propose(host)
    assert ended.code == 1
    assert "lpse-ops spse release adopt" in ended.stderr


def test_of_an_application_that_was_installed_by_hand_nobody_knows_the_default(host: SpseHost):
    host.link.unlink()
    (host.releases / "4.4").rename(host.link)
    for name in ("4.4.manifest.json", "4.4.application.conf", "4.4.start-script"):
        (host.releases / name).unlink()
    assert host.release("adopt", "--release", "4.4").code == 0
    ended = propose(host, "--format", "json")
    assert ended.code == 0, ended.stderr
    fates = {each["key"]: each["fate"] for each in ended.json()["settings"]}
    assert (fates["pool"], fates["url"], fates["baru"]) == ("conflict", "conflict", "added")
    assert (host.files / "4.5/spse4").read_bytes() == SCRIPT.replace(b"java-8", b"java-21")
