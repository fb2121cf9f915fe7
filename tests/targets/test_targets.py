"""Targets of ansible-core that pass, and the list of them all.

Only those that are quick are run here and in ``test_on_lab.py``: ``python -m tests.targets.run
--listed`` runs all.
"""

from pathlib import Path

import pytest

from tests.targets.listing import load_entries
from tests.targets.run import run_target
from tests.targets.sdist import find_integration, load_target, target_names

ENTRIES = load_entries()
# The yardstick: of the targets of the language and of our modules that need no plugin of the
# "never" kinds, and that can run here.
LEAST_PASSING = 0.9
# About 1.5 s of CPU each; together they touch every part of the language.
QUICK = (
    "add_host", "changed_when", "conditionals", "debug", "facts_d", "failed_when", "getent",
    "group_by", "import-role-tasks", "include_import_tasks_nested",
    "include_when_parent_is_dynamic", "include_when_parent_is_static", "include_with_templating",
    "known_hosts", "lookup_dict", "lookup_file", "lookup_fileglob", "lookup_ini", "lookup_items",
    "lookup_nested", "lookup_password", "lookup_unvault", "loop_control", "path_lookups", "ping",
    "register", "roles_var_inheritance", "set_stats", "special_vars", "stat", "strategy_free",
    "task_ordering", "tempfile", "undefined", "var_blending", "var_inheritance", "vars_files",
)  # fmt: skip


def test_the_list_names_every_target_of_the_distribution() -> None:
    assert sorted(ENTRIES) == target_names(find_integration())


def test_enough_of_the_language_passes() -> None:
    passing = sum(each.passes for each in ENTRIES.values())
    failing = [each.word for each in ENTRIES.values()].count("not-yet")
    assert passing / (passing + failing) >= LEAST_PASSING, f"{passing} pass, {failing} do not"


@pytest.mark.parametrize("name", QUICK)
def test_target_passes(name: str, tmp_path: Path) -> None:
    assert ENTRIES[name].word == "pass"
    ending = run_target(name, tmp_path)
    assert ending.status == 0, ending.output[-4000:]


def test_settings_in_aliases_are_read() -> None:
    target = load_target(find_integration(), "task-esoterica")
    assert target.environment == {"ANSIBLE_DEPRECATION_WARNINGS": "yes"}
    assert not target.gathers_facts


@pytest.mark.parametrize("line", ["a lab why", "a pass why", "a not-yet", "a often", "b lab"])
def test_a_line_that_is_none_is_refused(line: str, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text("b pass\nc lab\nd not-yet for a reason\n")
    words = {name: (each.passes, each.reason) for name, each in load_entries(listed).items()}
    assert words == {"b": (True, ""), "c": (True, ""), "d": (False, "for a reason")}
    listed.write_text(f"{listed.read_text()}{line}\n")
    with pytest.raises(ValueError, match=f"list:4: {line}"):
        load_entries(listed)
