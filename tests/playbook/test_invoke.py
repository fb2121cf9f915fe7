"""What keywords do to a try of a task: assertions that hold under both programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.playbook.loading import write_tree

BIN = Path(sys.executable).parent
PLAY = """\
- hosts: one
  gather_facts: false
  environment: [{A: play, B: play}, {B: again}]
  timeout: 60
  vars: {m: command, both: {data: y}, d: {B: d}, many: [{B: x}]}
  tasks:
    # -- results
    - {command: 'false', failed_when: false, register: r}
    - assert:
        that:
          - r.failed_when_suppressed_exception is defined and r.exception is undefined
          - not r.failed_when_result and r.rc == 1
    - {command: 'true', failed_when: true, register: r, ignore_errors: true}
    - assert: {that: [r is failed, r.failed_when_result, r.exception is defined, r.rc == 0]}
    - {command: 'echo x', changed_when: nowhere, register: r, ignore_errors: true}
    - assert: {that: [r is failed, r.stdout == 'x', "'nowhere' in r.changed_when_result"]}
    - {command: 'echo x', failed_when: nowhere, register: r, ignore_errors: true}
    - assert: {that: [r is failed, r.stdout == 'x', "'nowhere' in r.failed_when_result"]}
    - {command: '{{ nowhere }}', register: r, ignore_errors: true}
    - assert: {that: [r is failed, r.exception is defined, r.changed is false]}
    - {fail: {msg: [a, 1]}, register: r, ignore_errors: true}
    - assert: {that: "r.msg == ['a', 1]"}
    # -- tries
    - {command: 'false', until: r.attempts == 2, delay: 0, register: r, ignore_errors: true}
    - assert: {that: [r is failed, r.attempts == 2]}
    - {command: 'true', until: false, retries: 1, delay: 0, register: r, ignore_errors: true}
    - assert: {that: [r is failed, r.attempts == 1]}
    # -- time
    - {command: sleep 9, timeout: 1, register: r, ignore_errors: true}
    - assert: {that: [r is timedout, r.timedout.period == 1, "'Timed out after 1 sec' in r.msg"]}
    - {command: sleep 9, timeout: 1, loop: [1], register: r, ignore_errors: true}
    - assert: {that: [r.results.0 is timedout, "'Timed out after 1 sec' in r.results.0.msg"]}
    - {pause: {seconds: 9}, timeout: 1, register: r, ignore_errors: true}
    - assert: {that: [r is timedout, r.timedout.period == 1, "'Timed out after 1 sec' in r.msg"]}
    - {wait_for_connection: {delay: 9}, timeout: 1, register: r, ignore_errors: true}
    - assert: {that: [r is timedout, "'Timed out after 1 second' in r.msg"]}
    - {raw: sleep 9, timeout: 1, register: r, ignore_errors: true}
    - assert: {that: [r is timedout, "'Timed out after 1 second' in r.msg"]}
    - block:
        - {command: sleep 9, register: r, ignore_errors: true}
        - {command: sleep 1.1, timeout: 0}
      timeout: 1
    - assert: {that: r is timedout}
    - {command: sleep 9, timeout: -1, register: r, ignore_errors: true}
    - assert:
        that:
          - r is failed and r is not timedout
          - "'Timeout -1 is invalid, it must be between 0 and 100000000.' in r.msg"
    - {command: 'true', timeout: 1.5, register: r, ignore_errors: true}
    - assert: {that: "'The value 1.5 could not be converted to \\\\'int\\\\'' in r.msg"}
    # -- names of modules
    - {action: '{{ m }} echo hi', register: r}
    - assert: {that: r.stdout == 'hi'}
    - {action: "{{ m }} {{ 'echo' }}", register: r}
    - assert: {that: "r.cmd == ['echo']"}
    - {action: "{{ 'ping' }} {{ both }}", register: r}
    - assert: {that: r.ping == 'y'}
    - {ping: some text, register: r, ignore_errors: true}
    - assert: {that: "'does not support raw params' in r.msg"}
    - {ping: "{{ 'text' }}", register: r, ignore_errors: true}
    - assert: {that: r is failed}
    # -- arguments of actions
    - {wait_for_connection: {foo: 1}, register: r, ignore_errors: true}
    - assert: {that: r.msg is search('Invalid options for wait_for_connection. foo')}
    - {pause: {foo: 1}, register: r, ignore_errors: true}
    - assert: {that: r.msg is search('Unsupported parameters for .pause. module. foo. Supported')}
    - {pause: {minutes: soon}, register: r, ignore_errors: true}
    - assert: {that: "'unable to convert to' in r.msg"}
    - {group_by: {key: a b, parents: 'c,d e'}, register: r}
    - assert: {that: [r.add_group == 'a-b', "r.parent_groups == ['c,d-e']"]}
    # -- async
    - {script: /bin/true, async: 5, register: r, ignore_errors: true}
    - assert: {that: "'This action (script) does not support async.' in r.msg"}
    - {uri: {url: "http://127.0.0.1:1/", status_code: -1}, async: 5, poll: 1, register: r}
    - assert: {that: [r.finished == 1, r.status == -1]}
    - {copy: {content: a, dest: /nowhere}, async: 5, register: r, ignore_errors: true}
    - assert: {that: "'This action (copy) does not support async.' in r.msg"}
    # -- environment
    - {command: sh -c 'echo $A $B', register: r}
    - assert: {that: r.stdout == 'play again'}
    - {command: sh -c 'echo $A $B', environment: '{{ d }}', register: r}
    - assert: {that: r.stdout == 'play d'}
    - {command: sh -c 'echo $A $B', environment: ['{{ d }}', {A: own}, "{{ omit }}"], register: r}
    - assert: {that: r.stdout == 'own d'}
    - {command: sh -c 'echo $A $B', environment: '{{ many }}', register: r}
    - assert: {that: r.stdout == 'play again'}
    # -- errors that are ignored
    - {command: 'true', ignore_errors: maybe, register: r}
    - assert:
        that: [r is failed, "'The value \\\\'maybe\\\\' could not be converted to' in r.msg"]
    - command: 'false'
      loop: [1, 2]
      ignore_errors: '{{ item > 0 }}'
    # -- what is said of each item
    - command: echo {{ item }}
      loop: [a, b]
      notify: heard {{ item }}
      no_log: "{{ item == 'b' }}"
      register: r
    - meta: flush_handlers
    - assert: {that: [a is defined, b is defined]}
  handlers:
    - {name: heard a, set_fact: {a: 1}}
    - {name: heard b, set_fact: {b: 1}}
"""
PROGRAMS = [["ansible-playbook"], ["lpse-ops", "playbook", "run"]]


def run(program: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [BIN / program[0], *program[1:], "-i", "one,", "-c", "local", "play.yml"]
    python = f"ansible_python_interpreter={sys.executable}"
    return subprocess.run([*argv, "-e", python], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_assertions_hold(program: list[str], tmp_path: Path) -> None:
    write_tree(tmp_path, {"play.yml": PLAY})
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


FAILING = {
    "an item whose failure is not ignored": (
        "{command: 'false', loop: [1, 2], ignore_errors: '{{ item == 1 }}'}",
        2,
        "failed=1",
    ),
    "a throttle that is no number": (
        "{ping: , throttle: \"{{ 'nope' }}\"}",
        1,
        "Failed to convert the throttle value to an integer: invalid literal for int",
    ),
    "a throttle that is not defined": (
        '{ping: , throttle: "{{ nope }}"}',
        1,
        "Failed to convert the throttle value to an integer: 'nope' is undefined",
    ),
    "environment that is none": (
        "{ping: , environment: \"{{ 'text' }}\", failed_when: true}",
        2,
        "could not parse environment value, skipping",
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("what", FAILING)
def test_runs_that_end_badly_say_so(program: list[str], what: str, tmp_path: Path) -> None:
    task, status, words = FAILING[what]
    play = f"- hosts: one\n  gather_facts: false\n  tasks:\n    - {task}\n    - ping:\n"
    write_tree(tmp_path, {"play.yml": play})
    done = run(program, tmp_path)
    said = " ".join((done.stdout + done.stderr).split())
    assert words in said
    assert done.returncode == status, said
