"""A plan made of the site's own values and two releases."""

import json
from typing import Any

import pytest

from lpse_ops.errors import PolicyRefused, ReleaseError, SettingsError
from lpse_ops.spse.layout import layout_4_3, layout_4_4
from lpse_ops.spse.upgradeplan import (
    PlannedFile,
    check_port,
    compose_plan,
    has_common_log,
    parse_site,
    plan_place,
    render_plan,
)

COMMAND = {"argv": ["true"]}
SITE: dict[str, Any] = {
    "link": "/home/appserv/spse",
    "maintenance": {"flag": "/var/www/x.html", "notice": "x"},
    "application": {"account": "appserv", "port": 9090},
    "backup": {"run": COMMAND, "verify": COMMAND},
    "database": {"name": "epns_prod"},
    "health": {"pages": []},
}
OLD = plan_place("4.3", "/opt/spse/releases/4.3", layout_4_3())
NEW = plan_place("4.5u20260901", "/opt/spse/releases/4.5u20260901", layout_4_4())


def test_each_release_has_its_own_places():
    assert (OLD.pid_file, OLD.log) == ("webapp/server.pid", "webapp/logs/spse4.3.log")
    assert (NEW.pid_file, NEW.log) == ("server.pid", "logs/spse4.5.log")
    assert has_common_log("4.4", ["application.log", "system.out"])
    assert not has_common_log("4.4", ["application.log", "spse4.4.log"])
    assert not has_common_log("4.4", [])
    assert plan_place("4.5", "/x", layout_4_4(), common_log=True).log == "logs/application.log"


def test_the_same_gives_the_same_plan():
    files = [PlannedFile("/a/application.conf", "conf/application.conf", "ab" * 32, "0640")]
    plan = compose_plan(SITE, "x-1", OLD, NEW, files)
    assert plan["from"]["release"] == "/opt/spse/releases/4.3"
    assert plan["backup"] == SITE["backup"]
    assert set(plan) == {*SITE, "format", "id", "from", "to", "files"}
    other = compose_plan(dict(reversed(SITE.items())), "x-1", OLD, NEW, files)
    assert render_plan(plan) == render_plan(other)
    assert json.loads(render_plan(plan)) == plan


def test_no_backup_needs_a_reason():
    without = SITE | {"backup": {"run": None, "verify": None}}
    with pytest.raises(PolicyRefused) as refused:
        compose_plan(without, "x-1", OLD, NEW)
    assert "--accept-risk REASON" in refused.value.hint
    with pytest.raises(PolicyRefused):
        compose_plan(without, "x-1", OLD, NEW, accepted_risk="  ")
    plan = compose_plan(SITE, "x-1", OLD, NEW, accepted_risk="server latihan")
    assert plan["backup"] == {"accepted_risk": "server latihan"}


def test_the_proof_asks_where_the_application_listens():
    check_port(SITE, {"http.port": "9090 "}, "4.5")
    check_port(SITE, {}, "4.5")
    with pytest.raises(ReleaseError, match=r"http.port '9009', site.json 9090"):
        check_port(SITE, {"http.port": "9009"}, "4.5")


@pytest.mark.parametrize(
    "value",
    [
        [],
        None,
        {key: each for key, each in SITE.items() if key != "health"},
        SITE | {"from": {}},
        SITE | {"backup": []},
        SITE | {"link": "spse"},
        SITE | {"link": None},
    ],
)
def test_what_is_no_site_is_said(value: object):
    with pytest.raises(SettingsError, match=r"site\.json"):
        parse_site(json.dumps(value).encode(), "site.json")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_said(content: bytes):
    with pytest.raises(SettingsError, match="is not JSON"):
        parse_site(content, "site.json")


def test_a_site_is_read():
    assert parse_site(json.dumps(SITE).encode(), "site.json") == SITE
