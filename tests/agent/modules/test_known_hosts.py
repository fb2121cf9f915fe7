"""The ``known_hosts`` module beside ansible-core's."""

import subprocess
from typing import Any

import pytest

from tests.agent.modules.trees import Make, having
from tests.agent.sidebyside import Case
from tests.agent.thishost import run_task

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("known-hosts-module")

RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDJQj9u"
ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBsari"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbudi"
FILE = having(f=f"# keys\nspse.example.go.id {RSA}\nspse.example.go.id {ED}\ndb,10.0.0.2 {ED} x\n")
ALL = ("check", "run", "again")
NAME = "spse.example.go.id"


def entry(case: str, make: Make = FILE, phases: Any = ALL, **args: Any) -> Case:
    args = {"name": NAME, "path": "ROOT/f", **args}
    return Case(f"entry_{case}", "known_hosts", args, make, phases)


CASES = [
    entry("there", key=f"{NAME} {ED}"),
    entry("another_kind", key=f"{NAME} ecdsa-sha2-nistp256 AAAAE2Vj"),
    entry("other_key", key=f"{NAME} {OTHER}"),
    entry("another_host", name="lpse", key=f"lpse {OTHER}"),
    entry("with_address", key=f"{NAME},10.0.0.1 {ED}"),
    entry("port", name="[spse]:2222", key=f"[spse]:2222 {OTHER} comment here"),
    entry("upper_case", name="SPSE.example.go.id", key=f"{NAME} {OTHER}"),
    entry("pattern", having(f=f"*.example.go.id {ED}\n"), key=f"{NAME} {OTHER}"),
    entry("not_pattern", having(f=f"*.go.id,!spse.example.go.id {ED}\n"), key=f"{NAME} {ED}"),
    entry("authority", name="spse", key=f"@cert-authority *,spse {ED}"),
    entry("no_file", having(), key=f"{NAME} {ED}"),
    entry("empty_file", having(f=""), key=f"{NAME} {ED}\n"),
    entry("absent_key", key=f"{NAME} {ED}", state="absent"),
    entry("absent_key_of_several", name="db", key=f"db,10.0.0.2 {ED}", state="absent"),
    entry("absent_other_host", name="lpse", state="absent"),
    entry("absent_no_file", having(), state="absent"),
    entry("no_key", phases=("run",)),
    entry("wrong_key", key=f"lpse {ED}", phases=("run",)),
    entry("no_entry", key="nonsense", phases=("run",)),
    entry("several_names", name="spse, lpse", key=f"spse {ED}", phases=("run",)),
    entry("other_key_absent", key=f"{NAME} {OTHER}", state="absent"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)


def test_hashed_and_plain_again(tmp_path):
    path = tmp_path / "known_hosts"
    path.write_text(f"{NAME} {ED} of the server\nlpse {ED}\n")
    args = {"name": NAME, "key": f"{NAME} {ED}", "path": str(path)}

    def change(**more: Any) -> tuple[bool, bool]:
        first, second = (run_task("known_hosts", {**args, **more}, tmp_path) for _ in range(2))
        return first["changed"], second["changed"]

    assert change(hash_host=True) == (True, False)
    assert NAME not in path.read_text()
    asked = ["ssh-keygen", "-F", NAME, "-f", str(path)]
    assert ED in subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert change() == (True, False)
    assert path.read_text() == f"lpse {ED}\n{NAME} {ED}\n"


def test_all_keys_of_a_host_go(tmp_path):
    path = tmp_path / "known_hosts"
    path.write_text(f"{NAME} {RSA}\nlpse {ED}\n{NAME} {ED}\n")
    args = {"name": NAME, "state": "absent", "path": str(path)}
    told = run_task("known_hosts", args, tmp_path, check_mode=True)
    assert (told["changed"], told["diff"]["after"]) == (True, f"lpse {ED}\n")
    assert [run_task("known_hosts", args, tmp_path)["changed"] for _ in range(2)] == [True, False]
    assert path.read_text() == f"lpse {ED}\n"


def test_all_that_ssh_keyscan_says(tmp_path):
    path = tmp_path / "known_hosts"
    scanned = f"# {NAME}:22 SSH-2.0-OpenSSH_9.2\n{NAME} {RSA}\n{NAME} {ED}\n"
    args = {"name": NAME, "key": scanned, "path": str(path)}
    assert [run_task("known_hosts", args, tmp_path)["changed"] for _ in range(2)] == [True, False]
    assert path.read_text() == f"{NAME} {RSA}\n{NAME} {ED}\n"


def test_a_last_line_without_end_is_not_glued_to_the_new_one(tmp_path):
    path = tmp_path / "known_hosts"
    path.write_text(f"lpse {ED}")
    run_task("known_hosts", {"name": NAME, "key": f"{NAME} {ED}", "path": str(path)}, tmp_path)
    assert path.read_text() == f"lpse {ED}\n{NAME} {ED}\n"
