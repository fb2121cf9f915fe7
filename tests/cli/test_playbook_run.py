"""``lpse-ops playbook run``: flags, secrets, exit codes; what plays do is tested elsewhere."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BIN = Path(sys.executable).parent
LOCAL = ("-i", "localhost,", "-c", "local")


def run(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "lpse-ops", "playbook", "run", *arguments],
        cwd=folder, input=stdin, capture_output=True, text=True, check=False, timeout=60,
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
