"""Files that name kernel modules."""

import pytest

from lpse_ops.agent.kernelmodules import (
    is_loaded,
    loads,
    options,
    with_loading,
    with_options,
    without_loading,
    without_options,
)

LISTED = "nf_conntrack 16384 1 nf_nat, Live 0x0\nbr_netfilter 1 0 - Live 0x0\n"
BUILTIN = "kernel/fs/ext4/ext4.ko\nkernel/net/802/psnap.ko\n"


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("dummy\n", True),
        ("  dummy # why\n", True),
        ("dummy", True),
        ("#dummy\n", False),
        ("dummy2\n", False),
        ("not dummy\n", False),
    ],
)
def test_a_line_that_loads_a_module(line, is_one):
    assert loads(line, "dummy") is is_one


@pytest.mark.parametrize(
    ("line", "parameters"),
    [
        ("options dummy n=2\n", ["n=2"]),
        ("options dummy n=2 m=3 # why\n", ["n=2", "m=3"]),
        ("#options dummy n=2\n", []),
        ("options dummy2 n=2\n", []),
        ("blacklist dummy\n", []),
    ],
)
def test_a_line_with_parameters(line, parameters):
    assert options(line, "dummy") == parameters


def test_lines_are_commented_out_and_others_stay():
    assert without_loading(["loop\n", "dummy\n"], "dummy") == ["loop\n", "#dummy\n"]
    lines = ["options loop x=1\n", "options dummy n=2\n"]
    assert without_options(lines, "dummy") == ["options loop x=1\n", "#options dummy n=2\n"]


def test_the_own_file_of_a_module_keeps_what_else_is_in_it():
    assert with_loading(["# ours\n", "#dummy\n"], "dummy") == ["# ours\n", "dummy\n"]
    assert with_loading([], "dummy") == ["dummy\n"]
    lines = ["blacklist x", "#options dummy n=2\n"]
    assert with_options(lines, "dummy", ["n=3", "m=1"]) == [
        "blacklist x\n",
        "options dummy n=3\n",
        "options dummy m=1\n",
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [("nf_conntrack", True), ("nf-conntrack", True), ("nf", False), ("ext4", True), ("ext", False)],
)
def test_whether_a_module_is_loaded(name, found):
    assert is_loaded(name, LISTED, BUILTIN) is found


def test_a_kernel_without_modules_has_none():
    assert not is_loaded("ext4", None, None)
