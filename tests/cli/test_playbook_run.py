"""``lpse-ops playbook run``: flags, secrets, exit codes; what plays do is tested elsewhere."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.remote.sudo_script import write_sudo

BIN = Path(sys.executable).parent
LOCAL = ("-i", "localhost,", "-c", "local")


def run(
    folder: Path, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "lpse-ops", "playbook", "run", *arguments],
        cwd=folder, input=stdin, env={**os.environ, **(env or {})},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def write(folder: Path, text: str, name: str = "play.yml") -> str:
    (folder / name).write_text(text)
    return name


PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - debug: {msg: "{{ word | default('none') }}"}
      tags: [one]
    - debug: {msg: second}
      tags: [two]
    - name: last one
      debug: {msg: third}
"""


def said(ran: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split('"')[3] for line in ran.stdout.splitlines() if '"msg":' in line]


@pytest.mark.parametrize(
    ("flags", "messages"),
    [
        ((), ["none", "second", "third"]),
        (("-e", "word=given"), ["given", "second", "third"]),
        (("-e", "{word: yaml}"), ["yaml", "second", "third"]),
        (("-e", '{"word": "json"}'), ["json", "second", "third"]),
        (("-e", "@vars.yml"), ["file", "second", "third"]),
        (("-e", "@vars.yml", "-e", "word=later"), ["later", "second", "third"]),
        (("--tags", "one"), ["none"]),
        (("-t", "one,two"), ["none", "second"]),
        (("--skip-tags", "one"), ["second", "third"]),
        (("--start-at-task", "last one"), ["third"]),
    ],
)
def test_flags_choose(tmp_path: Path, flags: tuple[str, ...], messages: list[str]):
    write(tmp_path, "word: file\n", "vars.yml")
    ran = run(tmp_path, *LOCAL, write(tmp_path, PLAY), *flags)
    assert (ran.returncode, said(ran)) == (0, messages), ran.stderr


@pytest.mark.parametrize(
    ("play", "code", "text"),
    [
        ("- hosts: localhost\n  gather_facts: false\n  tasks: [{fail: {msg: no}}]\n", 2, "no"),
        ("- hosts: localhost\n  tasks: [{nothing_like_it: {}}]\n", 4, "nothing_like_it"),
        ("- hosts: localhost\n  tasks: {broken\n", 4, "play.yml:"),
        ("- hosts: localhost\n  taks: []\n", 4, "taks"),
    ],
)
def test_exit_codes(tmp_path: Path, play: str, code: int, text: str):
    ran = run(tmp_path, *LOCAL, write(tmp_path, play))
    assert ran.returncode == code, ran.stderr
    assert text in ran.stdout + ran.stderr


def test_no_such_flag(tmp_path: Path):
    assert run(tmp_path, *LOCAL, write(tmp_path, PLAY), "--none-such").returncode == 5


def test_no_host_that_cannot_be_reached_is_asked_twice(tmp_path: Path):
    play = "- hosts: all\n  gather_facts: false\n  tasks: [{command: id}, {command: id}]\n"
    hosts = {"all": {"hosts": {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 1}}}}
    (tmp_path / "hosts.yml").write_text(json.dumps(hosts))
    ran = run(tmp_path, "-i", "hosts.yml", write(tmp_path, play))
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert ran.stdout.count("UNREACHABLE") == 1
    assert "unreachable=1" in ran.stdout


SECRET = "kata-sandi-yang-panjang"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("buka\n")
    write(tmp_path, f"secret: {SECRET}\n", "vault.yml")
    subprocess.run(
        [BIN / "ansible-vault", "encrypt", "--vault-password-file", "password", "vault.yml"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path


def test_secrets_of_a_vault_are_used_and_never_shown(secrets: Path):
    play = f"""
- hosts: localhost
  gather_facts: false
  vars_files: [vault.yml]
  tasks:
    - debug: {{var: secret}}
    - command: echo {{{{ secret }}}}
      register: said
    - assert: {{that: said.stdout == '{SECRET[:10]}' ~ '{SECRET[10:]}'}}
    - copy: {{content: "{{{{ secret }}}}", dest: "{secrets}/out"}}
    - command: test {{{{ secret }}}} = other
"""
    ran = run(
        secrets, *LOCAL, "--vault-password-file", "password", "-D", "-vvv", write(secrets, play)
    )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert (secrets / "out").read_text() == SECRET
    assert SECRET not in ran.stdout + ran.stderr


def test_without_the_password_the_file_is_named(secrets: Path):
    play = "- hosts: localhost\n  gather_facts: false\n  vars_files: [vault.yml]\n  tasks: []\n"
    ran = run(secrets, *LOCAL, write(secrets, play + "  pre_tasks: [{debug: {}}]\n"))
    assert ran.returncode in (1, 4)
    assert "vault.yml" in ran.stderr
    assert "--vault-password-file" in ran.stderr


MIXED = """
- name: mixed
  hosts: localhost
  gather_facts: false
  tasks:
    - command: echo one
      changed_when: false
    - command: echo secret
      no_log: true
    - debug: {msg: never}
      when: false
    - fail: {msg: "<no & never>"}
      ignore_errors: true
    - fail: {msg: "the end"}
"""


def test_a_report_in_json(tmp_path: Path):
    ran = run(tmp_path, *LOCAL, write(tmp_path, MIXED), "--format", "json")
    assert ran.returncode == 2
    report = json.loads(ran.stdout)
    assert report["schema"] == "lpse-ops/playbook/run/1"
    (play,) = report["plays"]
    hosts = [task["hosts"]["localhost"] for task in play["tasks"]]
    assert [host["status"] for host in hosts] == ["ok", "changed", "skipped", "failed", "failed"]
    assert hosts[0]["result"]["stdout"] == "one"
    assert "secret" not in ran.stdout
    assert play["tasks"][0]["place"].endswith("play.yml:6:7")
    assert report["stats"]["localhost"]["failed"] == 1
    assert report["stats"]["localhost"]["ignored"] == 1


def test_a_report_for_ci_pipelines(tmp_path: Path):
    ran = run(tmp_path, *LOCAL, write(tmp_path, MIXED), "--format", "junit")
    assert ran.returncode == 2
    (suite,) = ElementTree.fromstring(ran.stdout)
    assert suite.get("name") == "mixed"
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "0", "skipped": "1"}
    failures = [failure.get("message") for failure in suite.iter("failure")]
    assert failures == ["the end"]
    assert "secret" not in ran.stdout


NOTHING = "No inventory was parsed, only implicit localhost is available"
EMPTY = (
    "provided hosts list is empty, only localhost is available. "
    "Note that the implicit localhost does not match 'all'"
)


@pytest.mark.parametrize(
    ("sources", "warnings"),
    [
        ((), [NOTHING, EMPTY]),
        (("-i", "none"), ["Unable to parse {folder}/none as an inventory source", NOTHING, EMPTY]),
        (("-i", "none", "-i", "a,"), ["Unable to parse {folder}/none as an inventory source"]),
    ],
)
def test_without_an_inventory_there_is_localhost(
    tmp_path: Path, sources: tuple[str, ...], warnings: list[str]
):
    ran = run(tmp_path, *sources, write(tmp_path, PLAY), "--tags", "two")
    assert (ran.returncode, said(ran)) == (0, ["second"]), ran.stderr
    told = [f"[WARNING]: {each.format(folder=tmp_path)}" for each in warnings]
    assert ran.stderr.splitlines() == told


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "cannot read the inventory none: No such"),
        ("ANSIBLE_INVENTORY_UNPARSED_FAILED", "No inventory was parsed, please check"),
    ],
)
def test_settings_make_a_missing_inventory_an_error(tmp_path: Path, setting: str, message: str):
    ran = run(tmp_path, "-i", "none", write(tmp_path, PLAY), env={setting: "true"})
    assert ran.returncode == 1
    assert f"[ERROR]: {message}" in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("hint: give the inventory with -i FILE")


def test_a_limit_that_leaves_nobody_is_an_error(tmp_path: Path):
    ran = run(tmp_path, "-i", "a,", "-l", "b", write(tmp_path, PLAY))
    text = "Specified inventory, host pattern and/or --limit leaves us with no hosts to target."
    assert (ran.returncode, f"[ERROR]: {text}\n" in ran.stderr) == (1, True)


def test_names_of_groups_are_changed_where_that_is_asked_for(tmp_path: Path):
    write(tmp_path, "[my-group]\nlocalhost\n", "hosts")
    play = write(tmp_path, PLAY.replace("hosts: localhost", "hosts: my_group"))
    env = {"ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "always"}
    ran = run(tmp_path, "-i", "hosts", "-c", "local", play, "--tags", "two", env=env)
    assert said(ran) == ["second"]
    words = "group names and automatically replaced: my-group"
    assert ran.stderr == f"[WARNING]: Invalid characters were found in {words}\n"


def test_inventory_plugins_see_extra_variables(tmp_path: Path):
    text = "plugin: constructed\nuse_extra_vars: true\ngroups: {g: true}\ncompose: {v: word ~ 1}\n"
    write(tmp_path, text, "x.yml")
    play = "- {hosts: g, gather_facts: false, tasks: [{debug: {msg: '{{ v }}'}}]}\n"
    ran = run(
        tmp_path, "-i", "localhost,", "-i", "x.yml", "-c", "local", "-e", "word=w",
        write(tmp_path, play),
    )  # fmt: skip
    assert said(ran) == ["w1"], ran.stderr


def test_reserved_names_are_warned_of_at_their_place(tmp_path: Path):
    play = """
- hosts: localhost
  gather_facts: false
  tasks:
    - set_fact: {lookup: 1}
    - include_vars: {file: more.yml}
    - debug: {msg: second}
      vars: {query: 1}
"""
    write(tmp_path, "\nnow: 1\n", "more.yml")
    write(tmp_path, "localhost port=1\nother hosts=1\n", "hosts")
    hosts = str(tmp_path / "hosts")
    ran = run(tmp_path, "-i", hosts, "-c", "local", write(tmp_path, play))
    assert said(ran) == ["second"]
    lines = ran.stderr.splitlines()
    told = [(line, lines[at + 1]) for at, line in enumerate(lines) if line.startswith("[WARNING]")]
    assert told == [
        (f"[WARNING]: Found variable using reserved name {name!r}.", f"Origin: {tmp_path}/{place}")
        for name, place in [
            ("query", "play.yml:8:14"),
            ("port", "hosts:1:11"),
            ("lookup", "play.yml:5:18"),
            ("now", "more.yml:2:1"),
        ]
    ]


def test_the_log_has_what_the_screen_has_but_no_secret(secrets: Path):
    play = "- {hosts: localhost, gather_facts: false, tasks: [{debug: {var: secret}}, {fail: }]}\n"
    flags = ["--vault-password-file", "password", "-e", "@vault.yml"]
    env = {"ANSIBLE_LOG_PATH": "run.log"}
    ran = run(secrets, *LOCAL, *flags, write(secrets, play), env=env)
    log = (secrets / "run.log").read_text()
    assert ran.returncode == 2
    assert '"secret": "********"' in log
    assert "ERROR| [ERROR]: Task failed" in log
    assert "failed=1" in log
    assert SECRET not in log
    ran = run(secrets, *LOCAL, "none.yml", env=env)
    assert "ERROR| [ERROR]: there is no playbook" in (secrets / "run.log").read_text()


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path):
    env = {"ANSIBLE_LOG_PATH": "none/run.log"}
    ran = run(tmp_path, *LOCAL, write(tmp_path, PLAY), env=env)
    assert ran.returncode == 0
    assert "[WARNING]: cannot write the log" in ran.stderr


@pytest.mark.parametrize("kind", ["json", "junit"])
def test_the_log_has_lines_where_the_screen_has_a_report(tmp_path: Path, kind: str):
    play = """
- hosts: localhost
  gather_facts: false
  max_fail_percentage: 0
  tasks:
    - command: echo {{ item }}
      loop: [one, two]
      notify: h
    - include_tasks: more.yml
    - meta: flush_handlers
    - set_fact: {lookup: 1}
    - command: /bin/false
      until: false
      retries: 1
      delay: 0
  handlers: [{name: h, debug: {msg: of a handler}}]
- {hosts: localhost, gather_facts: false, tasks: []}
"""
    write(tmp_path, "- debug: {msg: included}\n", "more.yml")
    log = tmp_path / "run.log"
    flags = (*LOCAL, "-vv", write(tmp_path, play))
    texts = []
    for form in ("text", kind):
        env = {"ANSIBLE_LOG_PATH": str(log)}
        ran = run(tmp_path, *flags, "--format", form, env=env)
        assert ran.returncode == 2
        assert ran.stderr.count("[WARNING]") == 1
        texts.append([_ENTRY.sub("", line) for line in log.read_text().splitlines()])
        log.unlink()
    assert texts[0] == texts[1]
    words = ("PLAYBOOK: play.yml", "META: triggered", "NO MORE HOSTS LEFT", "(1 retries left)")
    assert all(any(word in line for line in texts[1]) for word in words)


# What differs from run to run: the time, the process, and what a command says of its own time.
_ENTRY = re.compile(r"^.*? p=\d+ |\"(start|end|delta)\": \"[^\"]*\"")


BECOMES = """
- hosts: localhost
  gather_facts: false
  tasks:
    - {command: whoami, become: true, ignore_errors: true}
"""
EXEC = "<localhost> EXEC sudo -H -S -n -u root\n"


@pytest.mark.parametrize(
    ("flag", "allowed", "count"), [("-vvv", "yes", 1), ("-vvv", "no", 0), ("-vv", "yes", 0)]
)
def test_how_another_account_is_reached_is_told(
    tmp_path: Path, flag: str, allowed: str, count: int
):
    env = {"ANSIBLE_BECOME_ALLOW_SAME_USER": allowed, "ANSIBLE_LOG_PATH": "run.log"}
    ran = run(tmp_path, *LOCAL, flag, write(tmp_path, BECOMES), env=env)
    assert (ran.stdout.count(EXEC), (tmp_path / "run.log").read_text().count(EXEC)) == (count,) * 2


def test_a_report_has_nothing_else_on_its_stream(tmp_path: Path):
    env = {"ANSIBLE_BECOME_ALLOW_SAME_USER": "yes"}
    play = write(tmp_path, BECOMES)
    ran = run(tmp_path, *LOCAL, "-vvv", "--format", "json", play, env=env)
    assert json.loads(ran.stdout)["stats"]
    assert EXEC in ran.stderr


def test_a_password_that_a_host_sends_back_is_not_shown(tmp_path: Path):
    """``raw`` too, for which there is no agent: the host may be in anybody's hands."""
    sudo = write_sudo(tmp_path, "sandi-rahasia")
    play = write(
        tmp_path,
        f"""
        - hosts: all
          gather_facts: false
          vars:
            ansible_python_interpreter: /usr/bin/python3
            ansible_become_exe: {sudo}
            ansible_become_password: sandi-rahasia
          tasks:
            - raw: cat {tmp_path}/tried
              become: true
              register: read
            - debug: {{var: read.stdout_lines}}
            - command: cat {tmp_path}/tried
              become: true
        """,
    )
    env = {"ANSIBLE_BECOME_ALLOW_SAME_USER": "yes"}
    done = run(tmp_path, "-i", "web1,", "-c", "local", "-v", play, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sandi-rahasia" not in done.stdout
    assert "********" in done.stdout


def test_what_modules_warn_of_is_told_once(tmp_path: Path):
    play = """
- hosts: localhost
  gather_facts: false
  tasks:
    - find: {paths: ["{{ item }}"]}
      loop: [/nowhere, /nowhere]
      register: found
    - debug: {msg: "{{ found.results[0].keys() | select('match', '_') | list }}"}
"""
    ran = run(tmp_path, *LOCAL, write(tmp_path, play), "-v")
    told = "Skipped '/nowhere' path due to this access issue: '/nowhere' is not a directory"
    assert ran.stderr.count(f"[WARNING]: {told}\n") == 1, ran.stderr
    assert "Skipped" not in ran.stdout
    assert '"msg": []' in ran.stdout


def test_a_failure_on_a_terminal_shows_what_was_asked_and_what_was_said(tmp_path: Path):
    play = """
- hosts: localhost
  gather_facts: false
  tasks:
    - command: ls {{ item }}
      loop: [/nowhere/at/all]
"""
    program = f"{BIN}/lpse-ops playbook run {' '.join(LOCAL)} {write(tmp_path, play)}"
    ran = subprocess.run(
        ["script", "-qec", program, "/dev/null"], cwd=tmp_path, check=False, timeout=60,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C"},
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    lines = ran.stdout.replace("\r\n", "\n")
    assert 'arguments: {"_raw_params": "ls /nowhere/at/all"}\nstderr:\n    ls: ' in lines
    assert "stderr_lines" not in lines


def test_without_a_terminal_nobody_is_asked(tmp_path: Path):
    play = """
- hosts: localhost
  gather_facts: false
  vars_prompt:
    - {name: release, prompt: Which, default: "4.5", private: false}
    - {name: word, prompt: Word}
    - {name: given, prompt: Given}
  tasks:
    - debug: {msg: "{{ release }} {{ word }} {{ given }}"}
"""
    ran = run(tmp_path, *LOCAL, write(tmp_path, play), "-e", "given=x", stdin="not read\n")
    assert said(ran) == ["4.5 None x"]
    assert "Not prompting as we are not in interactive mode" in ran.stderr
    assert "give it as -e word=VALUE" in ran.stderr
    assert "given=VALUE" not in ran.stderr


def test_plays_before_the_task_to_start_at_ask_no_host(tmp_path: Path):
    play = PLAY.replace("gather_facts: false", "gather_facts: true")
    both = play + "\n- hosts: localhost\n  tasks: [{name: the start, debug: {msg: here}}]\n"
    ran = run(tmp_path, *LOCAL, write(tmp_path, both), "--start-at-task", "the st*")
    assert said(ran) == ["here"]
    assert ran.stdout.count("TASK [Gathering Facts]") == 1
    assert ran.stdout.index("TASK [Gathering Facts]") > ran.stdout.index("PLAY [localhost]", 50)


def test_facts_do_not_fill_the_screen(tmp_path: Path):
    play = "- hosts: localhost\n  tasks: [{setup: {gather_subset: min}}, {ping: }]\n"
    ran = run(tmp_path, *LOCAL, write(tmp_path, play), "-v")
    assert ran.stdout.count("ok: [localhost]\n") == 2
    assert 'ok: [localhost] => {"changed": false, "ping": "pong"}' in ran.stdout


def test_an_include_is_told_with_the_label_of_its_item(tmp_path: Path):
    write(tmp_path, "- debug: {msg: '{{ item.name }}'}\n", "more.yml")
    play = """
- hosts: localhost
  gather_facts: false
  tasks:
    - include_tasks: more.yml
      loop: [{name: epns, password: geheim}]
      loop_control: {label: "{{ item.name }}"}
"""
    ran = run(tmp_path, *LOCAL, write(tmp_path, play))
    assert "more.yml for localhost => (item=epns)\n" in ran.stdout
    assert "geheim" not in ran.stdout


def test_a_task_to_start_at_that_is_not_there_is_told(tmp_path: Path):
    ran = run(tmp_path, *LOCAL, write(tmp_path, PLAY), "--start-at-task", "nope")
    assert (ran.returncode, said(ran)) == (0, [])
    assert '[WARNING]: No matching task "nope" found' in ran.stderr
    assert "--list-tasks" in ran.stderr


def test_a_wrong_password_is_sent_once_by_raw_too(tmp_path: Path):
    """Some hosts lock an account after a few of them."""
    variables = {
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become_exe": write_sudo(tmp_path, "sandi-rahasia"),
        "ansible_become_password": "bukan-sandi",
    }
    play = "- hosts: all\n  gather_facts: false\n  tasks: [{raw: 'true', become: true}]\n"
    done = run(
        tmp_path, "-i", "web1,", "-c", "local", "-e", json.dumps(variables), write(tmp_path, play),
        env={"ANSIBLE_BECOME_ALLOW_SAME_USER": "yes"},
    )  # fmt: skip
    assert "incorrect sudo password for root on web1" in done.stdout
    assert (tmp_path / "tried").read_text() == "bukan-sandi\n"


def test_a_role_is_tried_again_on_a_host_that_could_not_be_reached(tmp_path: Path):
    (tmp_path / "roles/knock/tasks").mkdir(parents=True)
    write(tmp_path, "- ping:\n", "roles/knock/tasks/main.yml")
    write(
        tmp_path,
        "away ansible_host=127.0.0.1 ansible_port=1\nhere ansible_connection=local\n",
        "inv",
    )
    play = """
- hosts: all
  gather_facts: false
  ignore_unreachable: true
  roles: [knock, knock]
"""
    ran = run(tmp_path, "-i", "inv", write(tmp_path, play))
    counts = {line.split()[0]: line for line in ran.stdout.splitlines() if "ignored=" in line}
    assert "ignored=2" in counts["away"]
    assert "ok=1" in counts["here"]
    assert ran.stdout.count('"unreachable": true') == 2


def test_who_interrupts_waits_for_no_host(tmp_path):
    """Several hosts: they have threads of their own."""
    begun = tmp_path / "begun"
    command = f"sh -c 'touch {begun}-$$; exec sleep 300'"
    write(tmp_path, f"- {{hosts: all, gather_facts: false, tasks: [command: {command}]}}\n")
    argv = [BIN / "lpse-ops", "playbook", "run", "play.yml", "-i", "a,b,", "-c", "local"]
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        try:
            while len(list(tmp_path.glob("begun-*"))) < 2:
                assert running.poll() is None
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            told = running.communicate(timeout=20)[1]
        finally:
            running.kill()
    assert (running.returncode, told) == (99, "lpse-ops: interrupted\n")
    give_up = time.monotonic() + 20
    for each in tmp_path.glob("begun-*"):
        # The agent ends what it runs when its line is gone.
        while Path(f"/proc/{each.name.partition('-')[2]}").exists():
            assert time.monotonic() < give_up
            time.sleep(0.02)
