from datetime import date
from pathlib import Path

import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.finding import Finding
from lpse_ops.inventory.accepted import accept, load_accepted, unknown_rules
from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.validate import load_rules, validate
from lpse_ops.marked import Origin
from tests.inventory.judges import write_site

TODAY = date(2027, 1, 15)
RULES = frozenset({"bad-port", "same-address"})
ENTRY = """\
# what we know of
- rule: same-address
  file: sub/hosts.yml
  host: db-2
  reason: both names are one machine until the move
  until: 2027-01-15
"""


def entries(tmp_path: Path, text: str) -> list:
    path = tmp_path / ".lpse-ops-ignore.yml"
    path.write_text(text)
    return load_accepted(path)


def finding(folder: Path, **fields) -> Finding:
    origin = Origin(str(folder / fields.pop("file", "sub/hosts.yml")), 3, 5)
    found = Finding("same-address", "warning", origin, "two at one", "correct it", "db-2")
    return found._replace(**fields)


def test_an_entry_covers_its_rule_file_and_host_and_nothing_else(tmp_path):
    accepted = entries(tmp_path, ENTRY)
    same = finding(tmp_path)
    others = [
        finding(tmp_path, file="hosts.yml"),
        finding(tmp_path, subject="db-1"),
        finding(tmp_path, rule="bad-port"),
    ]
    assert accept([same, *others], accepted, TODAY, RULES) == (others, [])


def test_what_is_left_out_of_an_entry_covers_all(tmp_path):
    accepted = entries(tmp_path, "- {rule: same-address, reason: known, until: 2027-02-01}\n")
    found = [finding(tmp_path), finding(tmp_path, file="x", subject="y")]
    assert accept(found, accepted, TODAY, RULES) == ([], [])


def test_the_day_itself_is_the_last_one(tmp_path):
    accepted = entries(tmp_path, ENTRY)
    found = [finding(tmp_path)]
    assert accept(found, accepted, date(2027, 1, 15), RULES)[0] == []
    kept, [(rule, fault)] = accept(found, accepted, date(2027, 1, 16), RULES)
    assert (kept, rule) == (found, "ignore-expired")
    assert str(fault.origin).endswith(".lpse-ops-ignore.yml:6:10")
    assert "2027-01-15" in fault.message


def test_an_entry_that_covers_nothing_is_found(tmp_path):
    kept, [(rule, fault)] = accept([], entries(tmp_path, ENTRY), TODAY, RULES)
    assert (kept, rule) == ([], "ignore-unused")
    assert str(fault.origin).endswith(".lpse-ops-ignore.yml:2:3")


def test_an_entry_for_a_rule_that_was_not_asked_for_is_left_alone(tmp_path):
    assert accept([], entries(tmp_path, ENTRY), TODAY, frozenset()) == ([], [])


def test_nothing_is_accepted_by_an_empty_file(tmp_path):
    assert entries(tmp_path, "# nothing\n") == []


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("rule: x\n", ":1:1: this is no list", "until"),
        ("- x\n", ":1:3: an entry is a mapping", "until"),
        ("- {rule: x, until: 2027-01-01}\n", ":1:3: the entry has no 'reason'", "reason"),
        ("- {rule: x, reason: '', until: 2027-01-01}\n", ":1:3: the entry has no 'reas", "reason"),
        ("- {rule: x, reason: ' ', until: 2027-01-01}\n", ":1:3: the entry has no 'rea", "reason"),
        (
            "- {rule: x, host: [a, b], reason: y, until: 2027-01-01}\n",
            ":1:19: 'host' is no",
            "each",
        ),
        ("- {rule: x, reason: y}\n", ":1:3: the entry has no 'until'", "until: 2027"),
        ("- {rule: x, reason: y, until: soon}\n", ":1:31: 'soon' is no date", "YEAR-MONTH-DAY"),
        ("- {rule: x, reason: y, until: 12}\n", ":1:31: '12' is no date", "YEAR-MONTH-DAY"),
        ("- {rule: x, resaon: y, until: 2027-01-01}\n", ":1:13: there is no key", "'reason'"),
        ("- {rule: x, 5: y}\n", ":1:13: there is no key '5'", "keys: rule"),
        ("- {rule: x, rule: y}\n", ":1:13: Found duplicate", "remove one"),
        ("- {\n", ":2:1: YAML parsing failed", ""),
    ],
)
def test_an_error_names_its_place_and_says_what_to_write(text, problem, hint, tmp_path):
    with pytest.raises(InventoryError) as wrong:
        entries(tmp_path, text)
    assert problem in wrong.value.message
    assert hint in wrong.value.hint


def test_a_rule_that_there_is_not_is_an_error_with_the_near_one(tmp_path):
    with pytest.raises(InventoryError, match=r":2:3: there is no rule 'same-address'") as wrong:
        unknown_rules(entries(tmp_path, ENTRY), {"same-adress", "bad-port"})
    assert "same-adress" in wrong.value.hint


def test_a_whole_run_leaves_out_what_is_accepted_and_tells_of_the_rest(tmp_path, monkeypatch):
    text = """\
- {rule: bad-port, host: a, reason: known, until: 2027-02-01}
- {rule: bad-port, host: b, reason: over, until: 2026-12-31}
- {rule: bad-address, reason: long mended, until: 2027-02-01}
"""
    site = {"hosts": "a ansible_port=0\nb ansible_port=0\nc ansible_port=0\n", "ignore.yml": text}
    monkeypatch.chdir(write_site(tmp_path, site))
    report = validate(
        look(["hosts"], Beside(TODAY)), load_rules(), load_accepted(Path("ignore.yml"))
    )
    assert [f"{each.rule} {each.severity} {each.origin}" for each in report.findings] == [
        "bad-port error hosts:2:16",
        "bad-port error hosts:3:16",
        "ignore-expired error ignore.yml:2:50",
        "ignore-unused warning ignore.yml:3:3",
    ]
