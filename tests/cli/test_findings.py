"""Every format of findings, on what others tripped over."""

import json
import re
from datetime import date
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.cli.findings import FORMATS, exit_code, name_from_here
from lpse_ops.cli.findings_fingerprint import with_fingerprints
from lpse_ops.cli.findings_github import render_github
from lpse_ops.cli.findings_gitlab import render_gitlab
from lpse_ops.cli.findings_json import render_findings_json
from lpse_ops.cli.findings_junit import render_junit
from lpse_ops.cli.findings_lint import report_of
from lpse_ops.cli.findings_sarif import render_sarif, uri_of
from lpse_ops.cli.findings_text import render_text
from lpse_ops.finding import Finding, Report, RuleDoc
from lpse_ops.inventory.validate import load_rules
from lpse_ops.marked import Origin
from lpse_ops.playbook.mode_trap import Finding as Linted

SARIF = json.loads((Path(__file__).parent / "sarif.schema.json").read_text())
TODAY = date(2027, 1, 15)
RULES = {name: rule.doc for name, rule in load_rules().items()}
ODD = "50% <&>\"'\n:,\t\x1b[31m\x00 é \udc80 ]]>"


def found(rule: str = "bad-port", severity: str = "error", **changes) -> Finding:
    finding = Finding(
        rule, severity, Origin("inv/hosts.yml", 3, 7), "0 is no port", "write 22", "a"
    )
    return finding._replace(**changes)


def report(*findings: Finding, notes: tuple[Finding, ...] = ()) -> Report:
    return Report("inventory/validate", findings, RULES, notes, TODAY)


SOME = report(
    found(),
    found(),
    found("same-address", "warning", subject="b"),
    found(origin=Origin("inv/a b:c%é.yml")),
    found(origin=Origin("")),
    found(origin=Origin("<list of hosts>")),
    found(message=ODD, hint=ODD, subject=ODD, origin=Origin("x\udc80,\n.yml", 1, 0)),
    notes=(found("not-checked", "note", origin=Origin("inv/script")),),
)
NONE = report()


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_report_is_whole_in_every_format(name):
    rendered = FORMATS[name](NONE)
    assert rendered == FORMATS[name](NONE)
    assert bool(rendered) == (name not in ("text", "github"))


def test_sarif_is_what_its_schema_says():
    validator = jsonschema.Draft7Validator(SARIF)
    for each in (SOME, NONE):
        document = json.loads(render_sarif(each))
        assert list(validator.iter_errors(document)) == []


def test_the_schema_refuses_the_mistakes_of_others():
    validator = jsonschema.Draft7Validator(SARIF)
    for path, wrong in (
        (("message", "text"), ""),
        (("level",), "critical"),
        (("locations", 0, "physicalLocation", "region", "startColumn"), 0),
        (("locations", 0, "physicalLocation", "artifactLocation", "uri"), "inv\\hosts.yml"),
    ):
        document = json.loads(render_sarif(SOME))
        place = document["runs"][0]["results"][0]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = wrong
        assert list(validator.iter_errors(document)), path


def test_sarif_names_every_rule_once_and_results_point_at_theirs():
    (run,) = json.loads(render_sarif(SOME))["runs"]
    names = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert names == sorted(set(names)) == sorted(RULES)
    for result in run["results"]:
        assert names[result["ruleIndex"]] == result["ruleId"]


def test_in_sarif_places_are_relative_and_no_two_findings_are_the_same():
    (run,) = json.loads(render_sarif(SOME))["runs"]
    results = run["results"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "inv/hosts.yml"
    assert place["region"] == {"startLine": 3, "startColumn": 7}
    whole = results[3]["locations"][0]["physicalLocation"]
    assert unquote(whole["artifactLocation"]["uri"]) == "inv/a b:c%é.yml"
    assert "region" not in whole
    assert results[4]["locations"] == results[5]["locations"] == []
    prints = [result["partialFingerprints"]["lpseOps/v1"] for result in results]
    assert len(set(prints)) == len(prints)
    assert [note["level"] for note in run["invocations"][0]["toolExecutionNotifications"]] == [
        "note"
    ]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a/b.yml", "a/b.yml"),
        ("a b%.yml", "a%20b%25.yml"),
        ("c:d", "c%3Ad"),
        ("back\\slash", "back%5Cslash"),
        ("/etc/x", "file:///etc/x"),
        ("\udc80", "%80"),
    ],
)
def test_a_name_of_a_file_becomes_a_reference(file, uri):
    assert uri_of(file) == uri


def test_a_fingerprint_stays_when_lines_move():
    moved = found(origin=Origin("inv/hosts.yml", 30, 70))
    assert [each for _, each in with_fingerprints([found()])] == [
        each for _, each in with_fingerprints([moved])
    ]
    assert len({each for _, each in with_fingerprints([found(), moved])}) == 2


def junit(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode("utf-8", "backslashreplace"))


def test_junit_counts_what_it_holds():
    (suite,) = junit(render_junit(SOME))
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == 7
    assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped")) == 1
    assert suite.get("errors") == "0"
    passed = [case for case in cases if len(case) == 0]
    assert {case.get("classname") for case in passed} == set(RULES) - {
        "bad-port",
        "same-address",
        "not-checked",
    }
    first = cases[0]
    assert (first.get("classname"), first.get("name")) == ("bad-port", "inv/hosts.yml:3:7 a")
    assert first[0].text == "inv/hosts.yml:3:7: 0 is no port\nwrite 22"


# After the schema of Ant's JUnit reports: of each element the attributes that it must and may
# have, each with what it looks like, and the elements in it in their order.
WORD, NUMBER, ANY = r"\S(.*\S)?", r"[0-9]+", r"(?s).*"
SUITE = {
    **dict.fromkeys(("package", "name", "hostname"), WORD),
    **dict.fromkeys(("id", "tests", "failures", "errors", "time"), NUMBER),
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
}
ELEMENTS = {
    "testsuites": ({}, {}, r"(testsuite )*"),
    "testsuite": (
        SUITE,
        {"skipped": NUMBER},
        r"properties (testcase )*system-out system-err ",
    ),
    "properties": ({}, {}, ""),
    "testcase": (
        {"name": WORD, "classname": WORD, "time": NUMBER},
        {},
        r"(skipped |error |failure )?",
    ),
    "failure": ({"type": ANY}, {"message": ANY}, ""),
    "skipped": ({}, {"message": ANY}, ""),
    "system-out": ({}, {}, ""),
    "system-err": ({}, {}, ""),
}


@pytest.mark.parametrize("each", [SOME, NONE])
def test_junit_is_what_its_schema_says(each):
    root = junit(render_junit(each))
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, allowed, inside = ELEMENTS[element.tag]
        assert needed.keys() <= element.attrib.keys() <= needed.keys() | allowed.keys()
        for name, value in element.attrib.items():
            assert re.fullmatch((needed | allowed)[name], value), (element.tag, name, value)
        assert re.fullmatch(inside, "".join(f"{child.tag} " for child in element))


def test_gitlab_gets_a_list_of_issues_with_a_place_each():
    issues = json.loads(render_gitlab(SOME))
    assert len(issues) == 8
    assert issues[0] == {
        "type": "issue",
        "check_name": "bad-port",
        "description": "0 is no port (write 22)",
        "categories": ["Bug Risk"],
        "severity": "major",
        "fingerprint": issues[0]["fingerprint"],
        "location": {"path": "inv/hosts.yml", "lines": {"begin": 3}},
    }
    assert [each["severity"] for each in issues[2:4] + issues[-1:]] == ["minor", "major", "info"]
    assert len({each["fingerprint"] for each in issues}) == 8
    assert all(each["location"]["lines"]["begin"] >= 1 for each in issues)


def test_github_gets_one_command_in_a_line_for_each():
    lines = render_github(SOME).split("\n")
    assert lines[0] == (
        "::error file=inv/hosts.yml,line=3,col=7,title=bad-port::0 is no port%0Awrite 22"
    )
    assert lines[2].startswith("::warning ")
    assert lines[3].startswith("::error file=inv/a b%3Ac%25é.yml,title=")
    assert lines[4].startswith("::error title=bad-port::")
    assert lines[-2].startswith("::notice ")
    assert len(lines) == 9
    assert "::50%25 <&>\"'%0A:,\\t\\x1b[31m\\x00 é " in lines[6]


def test_json_says_nothing_where_there_is_no_place():
    data = json.loads(render_findings_json(SOME))
    assert (data["errors"], data["warnings"]) == (6, 1)
    assert [data["findings"][3][key] for key in ("file", "line", "column")] == [
        "inv/a b:c%é.yml",
        None,
        None,
    ]
    assert data["findings"][4]["file"] is None
    assert data["notes"][0]["rule"] == "not-checked"


def test_text_marks_the_place_under_a_long_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("h").write_text("x: " + "a" * 300 + " here\n\tb: 1\n")
    long = found(origin=Origin("h", 1, 305), hint="")
    tab = found(origin=Origin("h", 2, 2), hint="")
    lines = render_text(report(long, tab)).splitlines()
    assert lines[1].endswith(" here")
    assert lines[1][lines[2].index("^")] == "h"
    assert len(lines[1]) < 150
    assert lines[4][lines[5].index("^")] == "b"


def test_text_shows_no_secret_and_no_line_of_what_is_encrypted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("h").write_text("a: {ansible_password: rahasia, ansible_port: 0}\nkey: x\n")
    Path("v").write_text("$ANSIBLE_VAULT;1.1;AES256\n3030\n")
    shown = render_text(
        report(
            found(origin=Origin("h", 1, 46)),
            found("secret-in-clear", origin=Origin("h", 2, 6)),
            found(origin=Origin("v", 2, 1)),
        )
    )
    assert "rahasia" not in shown
    assert "********" in shown
    assert "key: x" not in shown
    assert "3030" not in shown
    # A mark would stand at the wrong place.
    assert "^" not in shown


def test_what_hosts_and_files_are_called_prints_nothing_by_itself():
    shown = render_text(SOME)
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 15


TEXTS = st.text(max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.integers(0, 3), st.integers(0, 3))
def test_whatever_is_found_every_format_can_be_read_again(file, message, hint, subject, line, col):
    each = report(
        found(origin=Origin(file, line, col), message=message, hint=hint, subject=subject)
    )
    assert json.loads(render_findings_json(each))["findings"][0]["message"] == message
    assert len(json.loads(render_gitlab(each))) == 1
    assert len(json.loads(render_sarif(each))["runs"][0]["results"]) == 1
    assert len(junit(render_junit(each)).findall("testsuite/testcase/failure")) == 1
    assert render_github(each).count("\n") == 1


@pytest.mark.parametrize(
    ("findings", "usual", "strict"),
    [([], 0, 0), ([found()], 1, 1), ([found(severity="warning")], 0, 1)],
)
def test_warnings_fail_only_when_strict(findings, usual, strict):
    assert exit_code(report(*findings), strict=False) == usual
    assert exit_code(report(*findings), strict=True) == strict
    notes = report(*findings, notes=(found(severity="note"),))
    assert exit_code(notes, strict=True) == strict


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/site/inv/h", "inv/h"),
        ("./inv//h", "inv/h"),
        ("../h", "../h"),
        ("/etc/h", "/etc/h"),
        ("<list of hosts>", "<list of hosts>"),
        ("", ""),
    ],
)
def test_files_are_named_from_where_we_stand(file, name):
    (named,) = name_from_here(report(found(origin=Origin(file, 1, 2))), "/site").findings
    assert named.origin == Origin(name, 1, 2)


def test_what_lint_finds_is_written_in_the_same_formats():
    linted = [
        Linted(Origin("site.yml", 3, 24), "mode-number", "mode: 644", 'write "0644"'),
        Linted(None, "error", "there is no module", "see"),
    ]
    made = report_of(linted, TODAY)
    assert [each.severity for each in made.findings] == ["warning", "error"]
    assert made.rules["mode-number"] == RuleDoc("mode-number", "warning", "Mode number.")
    (run,) = json.loads(render_sarif(made))["runs"]
    assert list(jsonschema.Draft7Validator(SARIF).iter_errors(json.loads(render_sarif(made)))) == []
    assert run["automationDetails"]["id"] == "playbook/lint/"
    assert re.match(
        r"::warning file=site.yml,line=3,col=24,title=mode-number::", render_github(made)
    )
