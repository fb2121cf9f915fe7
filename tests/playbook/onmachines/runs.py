"""Plays on machines of the lab, by us and by ansible-playbook: what each says, task by task."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.agent.peercollections import find_collections
from tests.agent.realmodules import normalised
from tests.lab.accounts import DEBIAN, OPERATOR
from tests.lab.lab import Host

HERE = Path(__file__).parent
SITE = HERE / "site"
# What ansible-playbook tells of the plays in check mode.
GOLDEN = HERE / "golden" / "check.json"
PLAYS = ("files.yml", "accounts.yml", "commands.yml")
# What an inventory says of each account beside its name.
ACCOUNTS: dict[str, dict[str, Any]] = {
    "root": {},
    DEBIAN.name: {"ansible_become": True},
    OPERATOR.name: {"ansible_become": True, "ansible_become_password": OPERATOR.password},
}
BIN = Path(sys.executable).parent
# Where and when something ran, and what only one of the two says.
_NOT_COMPARED = {
    *("inode", "dev", "mtime", "ctime", "birthtime", "version", "elapsed", "pid", "hint"),
    *("ansible_job_id", "results_file", "attempts", "stop", "stdout_lines", "stderr_lines"),
}
# Callbacks of ansible-playbook are not shown these; the status says it.
_FLAGS = {"failed", "skipped", "unreachable"}
_RANDOM = (
    (re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~"), ".BACKUP~"),
    (re.compile(r"ansible\.\w{8}\.uji"), "ansible.RANDOM.uji"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    # What ansible-playbook sends lies in files of its own, whose names some results have.
    (re.compile(r"/[\w/.-]*/\.ansible/tmp/ansible-[\w.-]*/[\w./-]*"), "SENT"),
    (re.compile(rf"{SITE}/(files|templates|vars)/[\w./-]*"), "SENT"),
    (re.compile(r"/[\w/.-]*/\.lpse-ops-\w+\.tmp"), "SENT"),
    (re.compile(r"(module|action) \(ansible\.builtin\."), r"\1 ("),
    # Which error it was, only we say.
    (re.compile(r"Error executing command[^\"]*"), "Error executing command"),
    (re.compile(r"\bj\d+\.\d+"), "JOB"),
    (re.compile(r"Paused for [\d.]+"), "Paused for"),
)
# All of the machine but for what every login and every minute leaves.
_LOOK_EVERYWHERE = r"""
find / -xdev \( -path /var/log -o -path /var/lib/systemd -o -path '*/.ansible*' \
    -o -path /run -o -path /var/lib/sudo \) -prune \
    -o -not -path /tmp -not -path /root -not -path '/home/*' \
    -printf '%p %y %m %U:%G %s %T@ %C@ %l\n' | sort
"""
_LOOK_AT_THE_END = r"""
cd /; exec 2>/dev/null
find srv etc/sudoers.d etc/systemd/system home var/mail -not -path '*/.ansible*' \
    -not -path '*/.ssh/*' \
    \( -type d -printf '%p %y %m %U:%G\n' -o -printf '%p %y %m %U:%G %s %l\n' \)
find srv etc/sudoers.d etc/systemd/system -type f -exec sha1sum {} +
getent passwd; getent group; getent shadow | cut -d: -f1,2,4-
for unit in tunggu topeng e2scrub_reap; do
    systemctl is-active $unit; systemctl is-enabled $unit
done
"""


class Told(NamedTuple):
    """One task on one host, as people and pipelines are told of it."""

    task: str
    host: str
    status: str
    result: dict[str, Any]


class Run(NamedTuple):
    status: int
    output: str
    told: list[Told]


def prepare(host: Host) -> None:
    """What the plays expect to find."""
    host.run("sh", stdin=(HERE / "prepare.sh").read_text())


def write_inventory(folder: Path, host: Host, user: str, more: Mapping[str, Any]) -> Path:
    """An inventory with one host, which is called ``mesin`` wherever it is."""
    variables = {
        **host.ansible_variables(user),
        "ansible_python_interpreter": "/usr/bin/python3",
        **more,
    }
    path = folder / f"{host.name}.yml"
    path.write_text(json.dumps({"all": {"hosts": {"mesin": variables}}}))
    return path


def run_ours(playbooks: Sequence[str], inventory: Path, *arguments: str) -> Run:
    """Run the plays by us."""
    argv = [BIN / "lpse-ops", "playbook", "run", "--format", "json"]
    done = _run([*argv, *arguments], playbooks, inventory, {})
    if not done.stdout:
        raise RuntimeError(f"no report: {done.stderr}")
    report = json.loads(done.stdout)
    told = [
        Told(task["name"], host, each["status"], each["result"])
        for play in report["plays"]
        for task in play["tasks"]
        if task["action"] != "meta"
        for host, each in task["hosts"].items()
    ]
    return Run(done.returncode, done.stdout + done.stderr, told)


def run_theirs(playbooks: Sequence[str], inventory: Path, *arguments: str) -> Run:
    """Run the plays by ansible-playbook."""
    told = inventory.with_suffix(".told")
    told.unlink(missing_ok=True)
    environment = {
        "TOLD": str(told),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "told",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(find_collections()),
        # Its connection ends soon after it: nothing outlives the test for long.
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=5s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(inventory.parent / "cp"),
    }
    done = _run([BIN / "ansible-playbook", *arguments], playbooks, inventory, environment)
    if not told.exists():
        raise RuntimeError(f"ansible-playbook failed: {done.stdout}{done.stderr}")
    lines = [Told(*json.loads(line)) for line in told.read_text().splitlines()]
    return Run(done.returncode, done.stdout + done.stderr, lines)


def _run(
    argv: Sequence[str | Path],
    playbooks: Sequence[str],
    inventory: Path,
    environment: Mapping[str, str],
) -> subprocess.CompletedProcess[str]:
    fetched = inventory.with_suffix(".fetched")
    return subprocess.run(
        [*argv, "-i", inventory, *playbooks],
        cwd=SITE,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "FETCHED": str(fetched), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def comparable(
    told: Sequence[Told], host: Host, inventory: Path, own_word: str = ""
) -> list[list[Any]]:
    """What was told, without what differs from machine to machine and from run to run.

    ``own_word`` begins the names of what the machine has in a place that others share.
    """
    text = json.dumps(
        [[each.task, each.host, each.status, _without_flags(_kept(each.result))] for each in told]
    )
    folders = ((str(host.lab.folder), "LAB"), (str(inventory.with_suffix("")), "HERE"))
    # The host's name stands in the folders' names too.
    for place, name in (*folders, (host.address, "ADDRESS"), (host.name, "NAME")):
        text = text.replace(place, name)
    if own_word:
        text = text.replace(own_word, "WORD")
    for pattern, name in _RANDOM:
        text = pattern.sub(name, text)
    found: list[list[Any]] = json.loads(text)
    return found


def _without_flags(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in _FLAGS}


def _kept(result: Any) -> Any:
    if isinstance(result, list):
        return [_kept(each) for each in result]
    if not isinstance(result, dict):
        return result
    kept = {
        name: _kept(value)
        for name, value in normalised(result).items()
        if name not in _NOT_COMPARED and not name.startswith("_ansible")
    }
    facts = kept.get("ansible_facts")
    if isinstance(facts, dict) and "module_setup" in facts:
        # Which there are: what they say is judged by the tests of ``setup``.
        kept["ansible_facts"] = sorted(facts)
    for name in ("packages", "services"):
        if isinstance(facts, dict) and name in facts:
            kept["ansible_facts"] = {name: sorted(facts[name])}
    if isinstance(kept.get("status"), dict):
        kept["status"] = sorted(kept["status"])
    if isinstance(kept.get("files"), list):
        kept["files"].sort(key=json.dumps)
    if "src" in kept and re.search(rf"None|\.ansible/tmp/|\.lpse-ops-|^{SITE}", str(kept["src"])):
        del kept["src"]
    if "warnings" in kept:
        kept["warnings"] = [each for each in kept["warnings"] if "remote_tmp" not in each]
        if not kept["warnings"]:
            del kept["warnings"]
    for name in ("stdout", "stderr"):
        # sudo may ask on a terminal of its own.
        if isinstance(kept.get(name), str):
            kept[name] = kept[name].replace("\r", "").strip()
    for name in ("ssh_public_key", "ssh_fingerprint"):
        if kept.get(name):
            kept[name] = kept[name].split()[0 if name == "ssh_public_key" else -1]
    return kept


def look_everywhere(host: Host) -> list[str]:
    """A line for each file of the machine; any change of one is another line."""
    return host.run("sh", "-c", _LOOK_EVERYWHERE).stdout.splitlines()


def look_at_the_end(host: Host) -> list[str]:
    """What the plays were about: files, accounts, units."""
    text = host.run("sh", "-c", _LOOK_AT_THE_END, check=False).stdout
    for pattern, name in _RANDOM:
        text = pattern.sub(name, text)
    return sorted(text.splitlines())
