"""Strategies free and host_pinned: every host walks on by itself."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from tests.playbook.running import Ran, run_play

HEAD = "- hosts: all\n  gather_facts: false\n  strategy: {}\n"
LOG = "    - shell: echo {{{{ inventory_hostname }}}} {} >> {{{{ place }}}}/log\n"


def run(folder: Path, play: str, **options: object) -> tuple[Ran, list[str]]:
    """What was told, and what the tasks wrote down in the order in which they ran."""
    (folder / "log").touch()
    known = {"place": str(folder)}
    ran = run_play(folder / "play", play, hosts="h1,h2", variables=known, **options)
    return ran, (folder / "log").read_text().splitlines()


@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.free", "host_pinned"])
def test_no_host_waits_for_another(tmp_path: Path, strategy: str):
    """The first task of h1 ends when the second of h2 has run."""
    play = HEAD.format(strategy) + (
        "  tasks:\n"
        "    - wait_for: {path: '{{ place }}/go', timeout: 60}\n"
        "      when: inventory_hostname == 'h1'\n"
        "    - file: {path: '{{ place }}/go', state: touch}\n"
    )
    ran, _ = run(tmp_path, play)
    assert ran.status == 0
    assert ran.text.index("changed: [h2]") < ran.text.index("changed: [h1]")


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("free", ["h1 one", "h2 one", "h1 two", "h2 two"]),
        ("host_pinned", ["h1 one", "h1 two", "h2 one", "h2 two"]),
    ],
)
def test_with_one_slot_hosts_take_turns_or_come_one_after_the_other(
    tmp_path: Path, strategy: str, order: list[str]
):
    play = HEAD.format(strategy) + "  tasks:\n" + LOG.format("one") + LOG.format("two")
    assert run(tmp_path, play, forks=1, tasks_ahead=1)[1] == order


def test_a_failure_is_the_business_of_its_host_alone(tmp_path: Path):
    play = HEAD.format("free") + (
        "  any_errors_fatal: true\n  max_fail_percentage: 0\n  tasks:\n"
        "    - block:\n"
        "        - command: test {{ inventory_hostname }} = h2\n"
        "        - shell: echo {{ inventory_hostname }} on >> {{ place }}/log\n"
        "      always:\n"
        "        - shell: echo {{ inventory_hostname }} always >> {{ place }}/log\n"
        "          notify: handled\n"
        "  handlers:\n    - name: handled\n"
        "      shell: echo {{ inventory_hostname }} handled >> {{ place }}/log\n"
    )
    ran, log = run(tmp_path, play)
    assert ran.status == 2
    assert sorted(log) == ["h1 always", "h2 always", "h2 handled", "h2 on"]


def test_an_include_is_each_hosts_own(tmp_path: Path):
    files = {
        "site.yml": HEAD.format("free") + "  tasks:\n    - include_tasks: more.yml\n",
        "more.yml": "- shell: echo {{ inventory_hostname }} in >> {{ place }}/log\n",
    }
    ran, log = run(tmp_path, files)  # type: ignore[arg-type]
    assert sorted(log) == ["h1 in", "h2 in"]
    assert "more.yml for h1\n" in ran.text
    assert "more.yml for h2\n" in ran.text


def test_the_end_of_the_play_is_the_end_for_all(tmp_path: Path):
    play = HEAD.format("host_pinned") + (
        "  tasks:\n    - meta: end_play\n      when: inventory_hostname == 'h1'\n"
        + LOG.format("on")
    )
    assert run(tmp_path, play, forks=1)[1] == []


def test_throttle_holds_hosts_back(tmp_path: Path):
    """Never do two hosts find the folder that each makes and removes again."""
    play = HEAD.format("free") + (
        "  tasks:\n"
        "    - shell: mkdir {{ place }}/lock && sleep 0.2 && rmdir {{ place }}/lock\n"
        "      throttle: 1\n"
    )
    assert run(tmp_path, play)[0].status == 0


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("      run_once: true\n", "Using run_once with the free strategy"),
        ("      any_errors_fatal: true\n", "Using any_errors_fatal with the free strategy"),
    ],
)
def test_what_there_is_not_is_told(
    tmp_path: Path, keyword: str, words: str, capsys: pytest.CaptureFixture[str]
):
    play = HEAD.format("free") + "  tasks:\n" + LOG.format("ran") + keyword
    assert sorted(run(tmp_path, play)[1]) == ["h1 ran", "h2 ran"]
    assert words in capsys.readouterr().out


def test_a_percentage_is_not_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    play = HEAD.format("free") + "  max_fail_percentage: 0\n  tasks:\n" + LOG.format("ran")
    run(tmp_path, play)
    assert "Using max_fail_percentage with the free strategy" in capsys.readouterr().out


def test_a_task_for_the_whole_play_is_refused(tmp_path: Path):
    play = HEAD.format("free") + "  tasks:\n    - pause: {seconds: 1}\n"
    with pytest.raises(PlaybookError, match="bypasses the host loop") as refused:
        run(tmp_path, play)
    assert "strategy: linear" in refused.value.hint


def test_a_strategy_that_there_is_not(tmp_path: Path):
    with pytest.raises(PlaybookError, match="Invalid play strategy specified: quick"):
        run(tmp_path, HEAD.format("\"{{ 'quick' }}\"") + "  tasks: [{command: id}]\n")


def test_the_strategy_of_the_settings_is_for_plays_that_say_none(tmp_path: Path):
    play = "- hosts: all\n  gather_facts: false\n  tasks:\n" + LOG.format("one") + LOG.format("two")
    order = ["h1 one", "h1 two", "h2 one", "h2 two"]
    assert run(tmp_path, play, strategy="host_pinned", forks=1, tasks_ahead=1)[1] == order


def test_a_banner_comes_again_when_another_task_was_told(tmp_path: Path):
    play = HEAD.format("free") + "  tasks:\n" + LOG.format("one") + LOG.format("two")
    text = run(tmp_path, play, forks=1, tasks_ahead=1)[0].text
    banners = [line.split("]")[0] for line in text.splitlines() if line.startswith("TASK")]
    assert banners == ["TASK [shell"] * 2


def test_tasks_of_each_host_are_sent_ahead(tmp_path: Path):
    play = HEAD.format("host_pinned") + "  tasks:\n" + LOG.format("x") * 4
    ran, _ = run(tmp_path, play, forks=1)
    assert ran.sent == [4] * 4 + [8] * 4
