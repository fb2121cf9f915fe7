"""Batches and the order of hosts."""

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.serial import cut, ordered

HOSTS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        (None, [5]),
        (0, [5]),
        (2, [2, 2, 1]),
        ("2", [2, 2, 1]),
        ("40%", [2, 2, 1]),
        ("1%", [1, 1, 1, 1, 1]),
        ("100%", [5]),
        ([1, 2], [1, 2, 2]),
        ([1, "60%"], [1, 3, 1]),
        ([], [5]),
        (9, [5]),
    ],
)
def test_batches(serial: object, sizes: list[int]):
    batches = cut(HOSTS, serial)
    assert [len(each) for each in batches] == sizes
    assert [name for each in batches for name in each] == HOSTS


def test_no_hosts_make_no_batch():
    assert cut([], 3) == []


def test_what_is_no_number():
    with pytest.raises(PlaybookError, match="'many'"):
        cut(HOSTS, "many")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("inventory", "bca"),
        ("reverse_inventory", "acb"),
        ("sorted", "abc"),
        ("reverse_sorted", "cba"),
        ("shuffle", "xyz"),
    ],
)
def test_orders(order: str, expected: str):
    assert "".join(ordered(list("bca"), order, list("xyz"))) == expected
