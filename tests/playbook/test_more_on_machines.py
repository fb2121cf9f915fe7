"""The second set of modules on machines over SSH: packages, the system, data.

As the first set in ``test_on_machines``: by root and by sudo users, in check mode with and without
a diff, for real, and again; ansible-playbook and its collections on an equal machine are the judge.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lpse_ops.postgres.installation import Installation
from tests.lab.accounts import OPERATOR
from tests.lab.lab import Host, Lab
from tests.playbook.onmachines.more import (
    GOLDEN,
    PLAYS,
    look_at_the_end,
    look_into_the_database,
    prepare_more,
    socket_in,
    without_known_differences,
)
from tests.playbook.onmachines.runs import (
    ACCOUNTS,
    Run,
    comparable,
    look_everywhere,
    run_ours,
    run_theirs,
    write_inventory,
)
from tests.playbook.test_on_machines import assert_same, statuses, told_of_diffs
from tests.postgres.conftest import system_installation
from tests.postgres.servers import Server, open_server

__all__ = ["system_installation"]

pytestmark = pytest.mark.xdist_group("lab-plays")

JUDGE = "judge"
_ALWAYS_TELL = ("hostname", "timezone", "known_hosts")
# Where services of systemd that are asked something are at home for a while.
_OF_SERVICES = re.compile(r"/var/tmp[ /]")


class Done(NamedTuple):
    """All runs of one account on one machine, and the machine before, between and after."""

    told: list[list[Any]]
    told_in_check_mode: list[list[Any]]
    before: list[str]
    checked: Run
    checked_with_diff: Run
    between: list[str]
    first: Run
    second: Run
    end: list[str]


class Judged(NamedTuple):
    """What ansible-playbook did as the account for which there is the most to do."""

    told: list[list[Any]]
    status: int
    end: list[str]


def word_of(account: str) -> str:
    return f"lpse_{account}"


def do_ours(host: Host, server: Server, folder: Path, account: str) -> Done:
    word = word_of(account)

    def look() -> list[str]:
        lines = [line for line in look_everywhere(host) if not _OF_SERVICES.match(line)]
        return lines + look_into_the_database(server, word)

    prepare_more(host, server, word)
    inventory = write_inventory(folder, host, account, {**ACCOUNTS[account], "awalan": word})
    with socket_in(host, server):
        before = look()
        checked = run_ours(PLAYS, inventory, "--check")
        checked_with_diff = run_ours(PLAYS, inventory, "--check", "--diff")
        between = look()
        first, second = (run_ours(PLAYS, inventory, "--diff") for _ in range(2))
    told, in_check_mode = (
        without_known_differences(
            comparable(run.told, host, inventory, word), in_check_mode=run is checked_with_diff
        )
        for run in (first, checked_with_diff)
    )
    end = look_at_the_end(host, server, word)
    return Done(
        told, in_check_mode, before, checked, checked_with_diff, between, first, second, end
    )


def do_theirs(host: Host, server: Server, folder: Path) -> Judged:
    word = word_of(JUDGE)
    prepare_more(host, server, word)
    more = {**ACCOUNTS[OPERATOR.name], "awalan": word}
    inventory = write_inventory(folder, host, OPERATOR.name, more)
    with socket_in(host, server):
        run = run_theirs(PLAYS, inventory, "--diff")
    told = without_known_differences(comparable(run.told, host, inventory, word))
    return Judged(told, run.status, look_at_the_end(host, server, word))


@pytest.fixture(scope="module")
def all_done(
    lab: Lab, system_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Done], Judged]]:
    judge, *hosts = lab.up(f"more-{JUDGE}", *(f"more-{account}" for account in ACCOUNTS))
    folder = tmp_path_factory.mktemp("more")
    with ExitStack() as stack:
        server = stack.enter_context(open_server(system_installation))
        pool = stack.enter_context(ThreadPoolExecutor())
        theirs = pool.submit(do_theirs, judge, server, folder)
        ours = [
            pool.submit(do_ours, host, server, folder, account)
            for host, account in zip(hosts, ACCOUNTS, strict=True)
        ]
        done = {name: each.result() for name, each in zip(ACCOUNTS, ours, strict=True)}
        yield done, theirs.result()
    for host in (judge, *hosts):
        host.remove()


@pytest.fixture
def done(all_done: tuple[dict[str, Done], Judged]) -> dict[str, Done]:
    return all_done[0]


@pytest.fixture
def theirs(all_done: tuple[dict[str, Done], Judged]) -> Judged:
    return all_done[1]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_check_mode_changes_nothing(done: dict[str, Done], account: str):
    it = done[account]
    assert_same(it.before, it.between)
    assert it.checked.status == it.checked_with_diff.status == 0, it.checked.output
    assert statuses(it.checked) == statuses(it.checked_with_diff)
    # Only who asks for a diff is told of contents, but for modules that always tell in Ansible.
    others = [each for each in it.checked.told if each.task not in _ALWAYS_TELL]
    assert {"before", "after"} & told_of_diffs(it.checked._replace(told=others)) == set()
    assert {"before", "after"} <= told_of_diffs(it.checked_with_diff)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_second_run_changes_nothing(done: dict[str, Done], account: str):
    first, second = done[account].first, done[account].second
    assert (first.status, second.status) == (0, 0), first.output
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
    assert wrong == {}


def test_all_accounts_tell_the_same(done: dict[str, Done]):
    told = [statuses(it.first) for it in done.values()]
    assert told[0] == told[1] == told[2]
    ends = [it.end for it in done.values()]
    assert ends[0] == ends[1] == ends[2]


def test_no_secret_is_told(done: dict[str, Done]):
    for it in done.values():
        for run in (it.checked, it.checked_with_diff, it.first, it.second):
            assert "rahasia sekali" not in run.output
            assert OPERATOR.password not in run.output


def test_each_task_as_ansible(done: dict[str, Done], theirs: Judged):
    ours = done[OPERATOR.name]
    assert_same(theirs.told, ours.told)
    assert ours.first.status == theirs.status


def test_each_task_in_check_mode_as_ansible(done: dict[str, Done]):
    """What ansible-playbook told was written down: ``python -m tests.playbook.onmachines``."""
    assert_same(json.loads(GOLDEN.read_text()), done[OPERATOR.name].told_in_check_mode)


def test_the_machine_looks_as_after_ansible(done: dict[str, Done], theirs: Judged):
    assert_same(theirs.end, done[OPERATOR.name].end)
