import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.inventory.hostnames import find_fault

LONG = "a" * 63


@pytest.mark.parametrize(
    "text",
    [
        *("192.0.2.1", "2001:db8::1", "[2001:db8::1]", "::1", "db-1", "db_1", "x", "1host", "5"),
        *(
            "db.example.go.id",
            "db.example.go.id.",
            "bücher.example",
            f"{LONG}.{LONG}",
            "fe80::1%eth0",
        ),
    ],
)
def test_by_these_a_host_can_be_reached(text):
    assert find_fault(text) is None


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "the address is empty", "write the host's address"),
        ("  ", "the address is empty", "write the host's address"),
        ("a b", "'a b' has a space in it", "write an address"),
        (" 192.0.2.1", "has a space in it", "write an address"),
        ("192.0.2.1/24", "is a network or path, not one host", "write an address"),
        ("https://db/", "is a URL, not one host", "write an address"),
        ("root@db", "has a user in it", "write db, and ansible_user: root"),
        ("root:rahasia@db", "'root:********@db' has a user", "write db, and ansible_user: root"),
        ("sftp://u:rahasia@db", "'sftp://u:********@db' is a URL", "write an address"),
        ("db:22", "has a port in it", "write db, and ansible_port: 22"),
        ("10.0.0.300", "'10.0.0.300' is no address", "write an address"),
        ("10.0.0", "is no address", "write an address"),
        ("10.0.0.300.", "is no address", "write an address"),
        ("010.0.0.1", "is no address", "write an address"),
        ("-db", "is no address", "write an address"),
        ("db-", "is no address", "write an address"),
        ("a..b", "is no address", "write an address"),
        (f"{LONG}a", "is no address", "write an address"),
        (".".join([LONG] * 5), "is no address", "write an address"),
        ("2001:db8::g", "is no address", "write an address"),
        ("db\x1b[31m", "'db\\x1b[31m' is no address", "write an address"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(text, message, hint):
    fault = find_fault(text)
    assert fault is not None
    assert message in fault.message
    assert fault.hint.startswith(hint)


@given(st.text(max_size=300))
def test_whatever_is_written_is_judged_in_one_short_line(text):
    fault = find_fault(text)
    assert fault is None or ("\n" not in fault.message and len(fault.message) < 500)
