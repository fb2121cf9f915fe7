"""The ``mount`` module beside the one of ansible.posix; here it only edits tables."""

from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having
from tests.agent.sidebyside import Case
from tests.agent.thishost import run_task

# One run of ansible.posix's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("mount-module")

FSTAB = having(
    fstab="# <file system> <mount point>\n"
    "UUID=1b2c-3d4e /               ext4    errors=remount-ro 0       1\n"
    "\n"
    "/dev/sdb1 ROOT/data xfs defaults 0 0\n"
    "/swapfile none swap sw 0 0\n"
    "not an entry\n"
)
ALL = ("check", "run", "again")
DATA = {"path": "/lpse/data", "src": "/dev/sdb1", "fstype": "ext4"}


def place(case: str, make: Make = FSTAB, phases: Any = ALL, **args: Any) -> Case:
    args = {"fstab": "ROOT/fstab", "state": "present", **DATA, **args}
    args = {name: value for name, value in args.items() if value is not None}
    return Case(f"place_{case}", "ansible.posix.mount", args, make, phases)


CASES = [
    place("new"),
    place("root_kept", path="/", src="UUID=1b2c-3d4e", opts="errors=remount-ro", passno="1"),
    place("root_other", path="/", src="UUID=1b2c-3d4e", opts="noatime", passno="1"),
    place("options", opts="ro,noatime", dump="1", passno="2"),
    place("spaces", path="/lpse/Dokumen Pokja", src="/dev/my disk", opts="a b"),
    place("backslash", path="/lpse/a\\b", src="//server/a&b"),
    place("no_boot", boot=False),
    place("no_boot_options", boot=False, opts="ro"),
    place("swap", path="none", src="/swapfile2", fstype="swap", opts="sw"),
    place("swap_there", path="none", src="/swapfile", fstype="swap", opts="sw,pri=1"),
    place("backup", backup=True),
    place("no_file", having(), phases=("run", "again")),
    place("no_folder", having(), fstab="ROOT/a/b/fstab", phases=("run", "again")),
    place("no_end", having(fstab="/dev/sda1 / ext4 defaults 0 1")),
    place("twice", having(fstab="/dev/a /lpse/data ext4 ro 0 0\n/dev/b /lpse/data xfs ro 0 0\n")),
    place("opts_no_log", opts="password=rahasia", opts_no_log=True),
    place("no_source", src=None, phases=("run",)),
    place("absent", path="/", src=None, fstype=None, state="absent_from_fstab"),
    place("absent_not_there", src=None, fstype=None, state="absent_from_fstab"),
    place("absent_swap", path="none", src="/swapfile", state="absent_from_fstab"),
    place("absent_other_swap", path="none", src="/swap2", state="absent_from_fstab"),
    place("gone", also(FSTAB, folders("data")), path="ROOT/data", state="absent"),
    place("gone_no_entry", path="/lpse/nothing", state="absent"),
    place("unmounted_not_mounted", state="unmounted", src=None, fstype=None),
    place("mounted_check", state="mounted", phases=("check",)),
    place("remounted_check", state="remounted", phases=("check",)),
    place("ephemeral_check", state="ephemeral", phases=("check",)),
    place("mounted_no_device", state="mounted", path="ROOT/x/y", src="/dev/nihil", phases=("run",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)


def run_here(tmp_path, *, check_mode=False, **args):
    args = {"fstab": str(tmp_path / "fstab"), "state": "present", **DATA, **args}
    return run_task("mount", args, tmp_path, check_mode=check_mode)


def test_noauto_twice_is_no_option(tmp_path):
    # ansible.posix writes it twice, though its documentation says that it does not.
    assert run_here(tmp_path, boot=False, opts="noauto,ro")["opts"] == "noauto,ro"


def test_check_mode_makes_no_table(tmp_path):
    # ansible.posix makes an empty one.
    assert run_here(tmp_path, check_mode=True)["changed"]
    assert not list(tmp_path.iterdir())


def test_fields_that_may_be_left_out_are_left_out(tmp_path):
    (tmp_path / "fstab").write_text("/dev/sdb1 /lpse/data ext4 defaults\n")
    assert not run_here(tmp_path)["changed"]
