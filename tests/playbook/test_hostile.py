"""A host that lies: what it says must not reach further than itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from lpse_ops.playbook.hostile import is_safe_fact, safe_facts, without_our_keys

PROGRAM = Path(sys.executable).parent / "lpse-ops"


@pytest.mark.parametrize(
    "name",
    [
        "ansible_connection",
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "ansible_password",
        "ansible_become",
        "ansible_become_password",
        "ansible_ssh_common_args",
        "ansible_ssh_pass",
        "ansible_sudo_pass",
        "ansible_python_interpreter",
        "ansible_perl_interpreter",
        "ansible_shell_executable",
        "ansible_remote_tmp",
        "ansible_host_key_checking",
        "ansible_private_key_file",
        "omit",
        "lookup",
        "hostvars",
        "inventory_hostname",
        "ansible_check_mode",
        "ansible_ssh_host_key_checking",
    ],
)
def test_names_that_a_host_may_not_set(name: str):
    assert not is_safe_fact(name)
    assert safe_facts({name: "x", "ansible_kernel": "6.1"}) == {"ansible_kernel": "6.1"}


@pytest.mark.parametrize(
    "name",
    [
        "ansible_hostname",
        "ansible_user_id",
        "ansible_user_dir",
        "ansible_python",
        "ansible_local",
        "ansible_system",
        "ansible_ssh_host_key_ed25519_public",
        "discovered_interpreter_python",
        "getent_passwd",
    ],
)
def test_ordinary_facts(name: str):
    assert is_safe_fact(name)


def test_keys_of_ours_are_no_hosts_business():
    result = {"msg": "x", "_origin": "here", "_delegated_to": "other", "__": 1}
    assert without_our_keys(result) == {"msg": "x"}


def run(folder: Path, play: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "play.yml").write_text(play)
    return subprocess.run(
        [PROGRAM, "playbook", "run", "-i", "localhost,", "-c", "local", "play.yml", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_hosts_words_are_no_template_as_the_name_of_a_role(tmp_path: Path):
    made = tmp_path / "made"
    ran = run(
        tmp_path,
        f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - shell: |-
        printf '%s' '{{{{ '{{{{' }}}} lookup("pipe", "touch {made}") {{{{ '}}}}' }}}}'
      register: said
    - debug: {{var: said.stdout}}
    - include_role: {{name: "{{{{ said.stdout }}}}"}}
""",
    )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "lookup(" in ran.stdout
    assert not made.exists()


@pytest.mark.parametrize("control", ["", "loop_control: {pause: 0.01}"])
def test_nothing_is_run_anew_after_an_agent_died_in_a_loop(tmp_path: Path, control: str):
    ran = run(
        tmp_path,
        f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - shell: >-
        echo {{{{ item }}}} >> ran;
        [ {{{{ item }}}} != 3 ] || kill -9 $(ps -o ppid= $PPID) $PPID
      args: {{chdir: {tmp_path}}}
      loop: "{{{{ range(1, 601) | list }}}}"
      {control}
    - shell: echo later >> ran
      args: {{chdir: {tmp_path}}}
""",
    )
    assert ran.returncode == 4, ran.stdout[-2000:] + ran.stderr
    assert (tmp_path / "ran").read_text().split() == ["1", "2", "3"]


@pytest.mark.parametrize(
    "keyword",
    ["retries", "delay", "timeout", "async", "become", "diff", "no_log"],
)
def test_a_keyword_that_makes_no_sense_fails_the_task_alone(tmp_path: Path, keyword: str):
    until = "until: true" if keyword in ("retries", "delay") else ""
    ran = run(
        tmp_path,
        f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - command: echo abc
      register: said
    - block:
        - command: echo next
          {keyword}: "{{{{ said.stdout }}}}"
          {until}
      rescue:
        - debug: {{msg: rescued}}
""",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "rescued=1" in ran.stdout


def test_no_log_hides_what_an_include_is_called(tmp_path: Path):
    ran = run(
        tmp_path,
        """
- hosts: localhost
  gather_facts: false
  tasks:
    - include_tasks: "{{ item }}.yml"
      loop: [hunter2secret]
      no_log: true
      ignore_errors: true
""",
    )
    assert "hunter2secret" not in ran.stdout + ran.stderr


def test_what_a_job_left_is_removed(tmp_path: Path):
    ran = run(
        tmp_path,
        f"""
- hosts: localhost
  gather_facts: false
  environment: {{ANSIBLE_ASYNC_DIR: {tmp_path}/jobs}}
  tasks:
    - shell: echo AsyncS3cret
      no_log: true
      async: 20
      poll: 1
""",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not any((tmp_path / "jobs").iterdir())
