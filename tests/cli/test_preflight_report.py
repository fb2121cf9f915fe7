"""What is said of one host and of several, and with which exit code it ends."""

import json

from lpse_ops.cli.preflight_report import HostReport, exit_code, render, to_json
from lpse_ops.spse.preflightcheck import Check, Level

FINE = Check("clock", Level.OK, "off by 0.001 s")
ODD = Check("units", Level.WARNING, "1 failed: a\x1b[2Jb", "systemctl status a")
BAD = Check("database", Level.CRITICAL, "none", "make one")
UNSEEN = Check("java", Level.UNKNOWN, "not told")
AWAY = HostReport("lpse-c", trouble="no route", hint="is it up?", is_unreachable=True)


def test_the_gravest_decides_and_what_is_unknown_does_not_refuse():
    for checks, word, code in (
        ((FINE,), "OK", 0),
        ((FINE, ODD), "WARNING", 0),
        ((FINE, ODD, UNSEEN), "UNKNOWN", 0),
        ((ODD, BAD, UNSEEN), "CRITICAL", 1),
    ):
        report = HostReport("lpse-a", checks)
        assert (report.word, exit_code([report])) == (word, code)
    assert exit_code([HostReport("lpse-a", (BAD,)), AWAY]) == 4
    assert exit_code([HostReport("lpse-a", (FINE,)), HostReport("b", trouble="sudo")]) == 1


def test_what_to_do_comes_after_the_table_the_gravest_first():
    text = render([HostReport("lpse-a", (ODD, FINE, BAD))], "upgrade")
    assert text.startswith("lpse-a, for upgrade: CRITICAL\nCHECK")
    assert text.index("database: make one") < text.index("units: systemctl status a")
    assert "\x1b" not in text
    assert "recap" not in text


def test_several_hosts_have_a_recap_and_json_has_them_all():
    reports = [HostReport("lpse-a", (FINE, ODD)), AWAY]
    recap = render(reports, "upgrade").splitlines()[-2:]
    assert recap[0].split() == ["lpse-a", "WARNING", "1", "1", "0", "0"]
    assert recap[1].split() == ["lpse-c", "UNREACHABLE", "-", "-", "-", "-"]
    told = to_json(reports, "upgrade")
    assert (told["is_fit"], told["hosts"][1]["reachable"]) == (False, False)
    assert json.loads(json.dumps(told))["hosts"][0]["checks"][1]["level"] == "WARNING"
