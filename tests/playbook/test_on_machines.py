"""The first set of modules on machines over SSH, by root and by sudo users: check mode, with and
without a diff, for real, and again.

ansible-playbook does the same plays on an equal machine and judges what we say, task by task.
"""

import difflib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.lab.accounts import DEBIAN, OPERATOR
from tests.lab.lab import Host, Lab
from tests.playbook.onmachines.runs import (
    ACCOUNTS,
    GOLDEN,
    PLAYS,
    Run,
    comparable,
    look_at_the_end,
    look_everywhere,
    prepare,
    run_ours,
    run_theirs,
    write_inventory,
)

pytestmark = pytest.mark.xdist_group("lab-plays")


class Done(NamedTuple):
    """All runs of one account on one machine, and the machine before, between and after."""

    host: Host
    inventory: Path
    before: list[str]
    checked: Run
    checked_with_diff: Run
    between: list[str]
    first: Run
    second: Run
    end: list[str]


def do_all(host: Host, folder: Path, account: str) -> Done:
    prepare(host)
    inventory = write_inventory(folder, host, account, ACCOUNTS[account])
    before = look_everywhere(host)
    checked = run_ours(PLAYS, inventory, "--check")
    checked_with_diff = run_ours(PLAYS, inventory, "--check", "--diff")
    between = look_everywhere(host)
    runs = [run_ours(PLAYS, inventory, "--diff") for _ in range(2)]
    end = look_at_the_end(host)
    return Done(host, inventory, before, checked, checked_with_diff, between, *runs, end)


@pytest.fixture(scope="module")
def done(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Done]]:
    hosts = lab.up(*(f"plays-{account}" for account in ACCOUNTS))
    folder = tmp_path_factory.mktemp("ours")
    with ThreadPoolExecutor() as pool:
        found = pool.map(do_all, hosts, [folder] * len(hosts), ACCOUNTS)
        yield dict(zip(ACCOUNTS, found, strict=True))
    for host in hosts:
        host.remove()


def assert_same(theirs: Sequence[Any], ours: Sequence[Any]) -> None:
    texts = [
        json.dumps(side, indent=1, sort_keys=True).replace("\\n", "\n").splitlines()
        for side in (theirs, ours)
    ]
    if difference := list(difflib.unified_diff(*texts, "theirs", "ours", lineterm="", n=6)):
        pytest.fail("\n".join(difference), pytrace=False)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_check_mode_changes_nothing(done: dict[str, Done], account: str):
    it = done[account]
    assert it.between == it.before
    assert it.checked.status == it.checked_with_diff.status == 0
    assert statuses(it.checked) == statuses(it.checked_with_diff)
    # Only who asks for a diff is told of contents.
    assert {"before", "after"} & told_of_diffs(it.checked) == set()
    assert {"before", "after"} <= told_of_diffs(it.checked_with_diff)


def statuses(run: Run) -> list[tuple[str, str]]:
    return [(each.task, each.status) for each in run.told]


def told_of_diffs(run: Run) -> set[str]:
    """The keys of all diffs that say something."""
    diffs = [each.result.get("diff") or [] for each in run.told]
    parts = [part for diff in diffs for part in (diff if isinstance(diff, list) else [diff])]
    return {key for part in parts for key, value in part.items() if value}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_second_run_changes_nothing(done: dict[str, Done], account: str):
    first, second = done[account].first, done[account].second
    assert (first.status, second.status) == (0, 0)
    assert sum(each.status == "changed" for each in first.told) > 30
    assert [each.task for each in second.told if each.status == "changed"] == []


@pytest.mark.parametrize("account", ACCOUNTS)
def test_check_mode_foretells_what_changes(done: dict[str, Done], account: str):
    """Tasks that only a real run can do are skipped, or fail as what they need is not there."""
    foretold = {each.task: each.status for each in done[account].checked.told}
    happened = {each.task: each.status for each in done[account].first.told}
    wrong = {
        task: (foretold[task], status)
        for task, status in happened.items()
        if foretold.get(task) in ("ok", "changed") and foretold[task] != status
    }
    assert wrong == {
        # Nothing is validated, and what another task would have removed is still there.
        "copy, validation refuses": ("changed", "failed"),
        "template, refused": ("changed", "failed"),
        "command, removes": ("changed", "ok"),
    }


def test_all_accounts_tell_the_same(done: dict[str, Done]):
    told = {account: statuses(it.first) for account, it in done.items()}
    assert told["root"] == told[DEBIAN.name] == told[OPERATOR.name]
    ends = [it.end for it in done.values()]
    assert ends[0] == ends[1] == ends[2]


def test_no_secret_is_told(done: dict[str, Done]):
    for it in done.values():
        for run in (it.checked, it.checked_with_diff, it.first, it.second):
            assert "rahasia sekali" not in run.output
            assert OPERATOR.password not in run.output


@pytest.fixture(scope="module")
def theirs(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, ...]]:
    """What ansible-playbook does as the account for which there is the most to do."""
    [host] = lab.up("plays-theirs")
    prepare(host)
    account = OPERATOR.name
    inventory = write_inventory(tmp_path_factory.mktemp("theirs"), host, account, ACCOUNTS[account])
    run = run_theirs(PLAYS, inventory, "--diff")
    yield run.status, comparable(run.told, host, inventory), look_at_the_end(host)
    host.remove()


def test_each_task_as_ansible(done: dict[str, Done], theirs: tuple[Any, ...]):
    ours = done[OPERATOR.name]
    assert_same(theirs[1], comparable(ours.first.told, ours.host, ours.inventory))
    assert ours.first.status == theirs[0]


def test_each_task_in_check_mode_as_ansible(done: dict[str, Done]):
    """What ansible-playbook told was written down: ``python -m tests.playbook.onmachines``."""
    ours = done[OPERATOR.name]
    told = comparable(ours.checked_with_diff.told, ours.host, ours.inventory)
    assert_same(json.loads(GOLDEN.read_text()), told)


def test_the_machine_looks_as_after_ansible(done: dict[str, Done], theirs: tuple[Any, ...]):
    assert_same(theirs[2], done[OPERATOR.name].end)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_reboot(lab: Lab, tmp_path: Path, account: str):
    [host] = lab.up("reboots")
    inventory = write_inventory(tmp_path, host, account, ACCOUNTS[account])
    boot_id = host.boot_id()
    checked = run_ours(["reboot.yml"], inventory, "--check")
    assert host.boot_id() == boot_id
    for run in (checked, run_ours(["reboot.yml"], inventory)):
        assert [each.status for each in run.told] == ["ok", "changed", "ok", "ok"], run.output
    assert host.boot_id() != boot_id
