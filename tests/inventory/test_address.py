import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.address import MAX_HOSTS, Address, expand_hosts, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db-1", Address("db-1", None)),
        ("db-1:2222", Address("db-1", 2222)),
        ("[2001:db8::1]:22", Address("2001:db8::1", 22)),
        ("2001:db8::1", Address("2001:db8::1", None)),
        ("192.0.2.1:22", Address("192.0.2.1", 22)),
        ("web[1:3]:22", Address("web[1:3]", 22)),
        ("web:!db", None),
        ("a:b", None),
        ("db_:22", None),
        ("fe80::1%eth0", None),
        ("", None),
    ],
)
def test_an_address_is_a_name_and_a_port(text, expected):
    assert parse_address(text, allow_ranges=True) == expected


def test_a_range_is_no_address_where_none_is_allowed():
    assert parse_address("web[1:3]", allow_ranges=False) is None


@pytest.mark.parametrize(
    ("text", "hosts", "port"),
    [
        ("db", ["db"], None),
        ("db[08:10]:22", ["db08", "db09", "db10"], 22),
        ("db[:2]", ["db0", "db1", "db2"], None),
        ("r[1:2]-[x:y]", ["r1-x", "r1-y", "r2-x", "r2-y"], None),
        ("[a:f:2].lan", ["a.lan", "c.lan", "e.lan"], None),
        ("db[3:1]", [], None),
    ],
)
def test_ranges_are_expanded(text, hosts, port):
    assert expand_hosts(text) == (hosts, port)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("db[1:999999999]", f"more than {MAX_HOSTS} hosts"),
        ("[1:9999]-[1:9999]-[1:9999]", f"more than {MAX_HOSTS} hosts"),
        ("db[01:100]", "differ in length"),
        ("db[1:9:0]", "the step '0'"),
        ("db[1:9:x]", "the step 'x'"),
        ("db[c:a]", "end a is before c"),
        ("db[1:z]", "a range from '1' to 'z'"),
        ("db[1:]", "brackets that hold no range"),
        ("db[1]", "brackets that hold no range"),
        ("db[1:2", "brackets that hold no range"),
        (f"db[1:{'9' * 5000}]", "a range from"),
    ],
)
def test_a_wrong_range_is_an_error_that_shows_a_right_one(text, problem):
    with pytest.raises(InventoryError) as wrong:
        expand_hosts(text)
    assert problem in wrong.value.message
    assert "db-[01:20]" in wrong.value.hint
