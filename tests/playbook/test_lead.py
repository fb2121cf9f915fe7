"""Tasks sent ahead: as if each had been sent after the one before, only sooner."""

import re
from pathlib import Path

import pytest

from tests.playbook.randomplays import Writer
from tests.playbook.running import Ran, run_play

# What two runs never share.
_MOMENTS = re.compile(r'"(delta|start|end|atime|mtime|ctime|inode)": ("[^"]*"|[\d.]+)')


def both(folder: Path, files: dict[str, str] | str, **options: object) -> tuple[Ran, Ran]:
    """The same with and without sending ahead, in a folder that is empty each time."""
    ran = []
    for depth in (1, 16):
        place = folder / "place"
        place.mkdir(parents=True)
        (place / "log").touch()
        ran.append(
            run_play(folder / "play", files, variables={"place": str(place)}, tasks_ahead=depth,
                     **options)
        )  # fmt: skip
        place.rename(folder / f"place{depth}")
    return ran[0], ran[1]


@pytest.mark.parametrize("seed", range(40))
def test_random_plays_come_out_the_same(tmp_path: Path, seed: int):
    plain, ahead = both(tmp_path, Writer(seed).files())
    assert (tmp_path / "place16/log").read_text() == (tmp_path / "place1/log").read_text()
    assert _MOMENTS.sub("", ahead.text) == _MOMENTS.sub("", plain.text)
    assert ahead.status == plain.status


def test_tasks_that_need_nothing_of_each_other_are_sent_before_the_first_is_answered(
    tmp_path: Path,
):
    play = tasks(*[f"command: echo {number}" for number in range(20)])
    plain, ahead = both(tmp_path, play)
    assert plain.sent == list(range(1, 21))
    # All that fits at first; then one for each that was answered.
    assert ahead.sent == [16, 17, 18, 19, *[20] * 16]


# What is written, and how many requests have gone out when each result is told.
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (
            ["command: 'true'\n      register: r", "debug: {var: r.rc}", "command: 'true'"],
            [1, 1, 2],
        ),
        (["command: 'true'\n      register: r", "command: echo {{ r.rc }}"], [1, 2]),
        (["command: 'true'\n      register: r", "command: echo {{ over_r }}"], [1, 2]),
        (["command: 'true'\n      register: r", "command: 'true'\n      when: r.rc == 0"], [1, 2]),
        (["command: 'true'\n      register: r", "command: 'true'"], [2, 2]),
        (["command: 'true'", "command: echo {{ lookup('env', 'HOME') }}"], [1, 2]),
        (["command: 'true'", "command: echo {{ hostvars.h1.inventory_hostname }}"], [1, 2]),
        (["command: 'true'", "command: echo {{ vars.known }}"], [1, 2]),
        (["command: 'true'", "command: 'true'\n      when: '\"/etc\" is exists'"], [1, 2]),
        (["command: 'true'", "command: echo {{ over_file }}"], [1, 2]),
        (["command: 'true'", "command: echo {{ known }}"], [2, 2]),
        (["command: 'true'\n      failed_when: false", "command: 'true'"], [1, 2]),
        (["command: 'true'", "command: 'true'\n      failed_when: false"], [2, 2]),
        (["command: 'true'\n      changed_when: known == 'plain'", "command: 'true'"], [1, 2]),
        (["command: 'true'\n      changed_when: false", "command: 'true'"], [2, 2]),
        (["command: 'true'", "command: 'true'\n      run_once: true"], [1, 2]),
        (["command: 'true'", "command: 'true'\n      timeout: 9"], [1, 2]),
        (["command: 'true'", "command: 'true'\n      delegate_to: localhost"], [1, 2]),
        (["command: 'true'", "command: 'true'\n      until: true"], [1, 2]),
        (["command: 'true'", "copy: {src: /etc/hostname, dest: '{{ place }}/x'}"], [1, 2]),
        (["command: 'true'", "copy: {content: x, dest: '{{ place }}/x'}"], [2, 2]),
        (["command: 'true'", "command: echo {{ item }}\n      loop: [1, 2]"], [3, 3]),
        (["command: 'true'", "debug: {msg: x}", "command: 'true'"], [2, 2, 2]),
        (["command: 'true'", "meta: flush_handlers", "command: 'true'"], [1, 2]),
        (["command: 'true'\n      notify: known", "command: 'true'"], [2, 3, 3]),
        (["command: 'true'\n      register: '{{ known }}'", "command: 'true'"], [1, 2]),
        (["setup: {gather_subset: min}", "command: echo {{ ansible_facts.system }}"], [1, 2]),
        (["setup: {gather_subset: min}", "command: echo {{ ansible_system }}"], [1, 2]),
        (["setup: {gather_subset: min}", "command: echo {{ known }}"], [2, 2]),
        (["getent: {database: passwd, key: root}", "command: echo {{ known }}"], [1, 2]),
        (
            ["async_status: {jid: '1'}\n      ignore_errors: true", "command: echo {{ known }}"],
            [1, 2],
        ),
        (["command: 'true'", "command: echo {{ now() }}"], [1, 2]),
        (["command: 'true'", "command: echo {{ '%Y' | strftime }}"], [1, 2]),
    ],
)
def test_what_may_need_an_answer_waits_for_it(tmp_path: Path, written: list[str], sent: list[int]):
    plain, ahead = both(tmp_path, tasks(*written))
    assert ahead.sent == sent
    assert (ahead.text, ahead.status) == (plain.text, plain.status)


def test_roles_are_gone_through_without_waiting(tmp_path: Path):
    files = {
        "site.yml": "- hosts: all\n  gather_facts: false\n  roles: [one, two]\n",
        "roles/one/tasks/main.yml": "- command: echo one\n",
        "roles/two/tasks/main.yml": "- command: echo two\n",
    }
    assert both(tmp_path, files)[1].sent == [2, 2]


def test_with_two_hosts_nothing_is_sent_ahead_until_one_has_left(tmp_path: Path):
    play = tasks("command: test {{ inventory_hostname }} = h1", *["command: 'true'"] * 3)
    _, ahead = both(tmp_path, play, hosts="h1,h2")
    assert ahead.sent[2:] == [5, 5, 5]


DIES = """\
    - shell: echo first >> {{ place }}/log
    - name: the agent dies
      shell: kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 9
    - shell: echo second >> {{ place }}/log
    - name: another
      shell: echo third >> {{ place }}/log
"""


def test_an_agent_that_dies_takes_what_was_sent_behind_with_it(tmp_path: Path):
    play = "- hosts: all\n  gather_facts: false\n  tasks:\n" + DIES
    plain, ahead = both(tmp_path, play)
    assert (tmp_path / "place16/log").read_text() == "first\n"
    assert (plain.status, ahead.status) == (4, 4)
    assert ahead.text.count("UNREACHABLE!") == 1
    assert "TASK [another]" not in ahead.text
    behind = "the task may have run; so may what was sent behind it: "
    assert behind in ahead.text
    assert f"site.yml:7:7, {tmp_path}/play/site.yml:8:7" in ahead.text
    assert ahead.text.splitlines()[-2] == plain.text.splitlines()[-2]


def test_what_was_sent_ahead_of_a_failure_is_not_run_and_not_told(tmp_path: Path):
    play = tasks(
        "command: 'false'",
        "shell: echo never >> {{ place }}/log",
        "shell: echo never >> {{ place }}/log",
    )
    _, ahead = both(tmp_path, play)
    assert ahead.sent == [3]
    assert (tmp_path / "place16/log").read_text() == ""
    assert "failed=1" in ahead.text


def test_behind_a_failure_that_is_ignored_all_is_run(tmp_path: Path):
    play = tasks(
        "command: 'false'\n      ignore_errors: true",
        "shell: echo still >> {{ place }}/log",
    )
    _, ahead = both(tmp_path, play)
    assert ahead.sent == [2, 2]
    assert (tmp_path / "place16/log").read_text() == "still\n"


def test_what_the_host_held_back_in_vain_is_run_after_all(tmp_path: Path):
    """Of the two items one fails, and that one is forgiven: the host cannot know."""
    forgiven = "ignore_errors: '{{ item == 1 }}'"
    play = tasks(
        f"shell: test {{{{ item }}}} != 1\n      loop: [1, 2]\n      {forgiven}",
        "shell: echo after >> {{ place }}/log",
        "shell: echo last >> {{ place }}/log",
    )
    plain, ahead = both(tmp_path, play)
    assert (ahead.status, plain.status) == (0, 0)
    assert ahead.sent[0] == 4
    assert (tmp_path / "place16/log").read_text() == "after\nlast\n"
    assert (tmp_path / "place1/log").read_text() == "after\nlast\n"


def test_conditions_behind_a_task_see_what_those_in_front_of_it_have_set(tmp_path: Path):
    play = tasks(
        "command: echo one\n      register: r",
        "command: echo two\n      changed_when: r.rc == 1",
        "command: echo three\n      failed_when: r.stdout != 'one'",
    )
    plain, ahead = both(tmp_path, play)
    assert ahead.sent == [2, 2, 3]
    assert (ahead.text, ahead.status) == (plain.text, 0)


def test_behind_items_whose_label_fails_nothing_is_run(tmp_path: Path):
    play = tasks(
        "command: 'true'\n      loop: [1]\n      loop_control: {label: '{{ item.nope }}'}",
        "shell: echo never >> {{ place }}/log",
    )
    plain, ahead = both(tmp_path, play)
    assert (tmp_path / "place16/log").read_text() == ""
    assert _MOMENTS.sub("", ahead.text) == _MOMENTS.sub("", plain.text)
    assert ahead.status == 2


def test_items_that_look_at_files_here_come_one_after_the_other(tmp_path: Path):
    line = "echo {{ item }} {{ lookup('file', place ~ '/log') | length }} >> {{ place }}/log"
    both(tmp_path, tasks(f"shell: {line}\n      loop: [a, b, c]"))
    for depth in (1, 16):
        assert (tmp_path / f"place{depth}/log").read_text() == "a 0\nb 3\nc 7\n"


def tasks(*written: str) -> str:
    """A play of these tasks."""
    head = """\
- hosts: all
  gather_facts: false
  vars:
    known: plain
    over_r: "{{ r.rc }}"
    over_file: "{{ '/etc' is exists }}"
  handlers:
    - name: known
      command: 'true'
  tasks:
"""
    return head + "".join(f"    - {each}\n" for each in written)
