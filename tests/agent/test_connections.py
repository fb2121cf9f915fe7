import socket

import pytest

from lpse_ops.agent.connections import (
    STATES,
    Connection,
    count_active,
    parse_address,
    parse_connections,
    read_connections,
)

ACTIVE = {STATES["ESTABLISHED"]}


@pytest.mark.parametrize(
    ("digits", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000000000000000000001000000", "::1"),
        ("0000000000000000FFFF00000100007F", "127.0.0.1"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
    ],
)
def test_addresses(digits, address):
    assert parse_address(digits) == address


def test_a_line_of_the_kernel():
    line = "   0: 0100007F:1F90 0200000A:D431 01 00000000:00000000 00:00000000 00000000  0"
    assert list(parse_connections([line])) == [Connection("127.0.0.1", 8080, "10.0.0.2", 1)]


def test_our_own_connection_is_seen():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        port = server.getsockname()[1]
        assert Connection("127.0.0.1", port, "127.0.0.1", 1) in read_connections()


@pytest.mark.parametrize(
    ("addresses", "excluded", "count"),
    [
        ({"10.0.0.1"}, set(), 2),
        ({"0.0.0.0"}, set(), 3),
        ({"::"}, {"10.0.0.9"}, 2),
        ({"10.0.0.7"}, set(), 0),
    ],
)
def test_counting(addresses, excluded, count):
    connections = [
        Connection("10.0.0.1", 80, "10.0.0.8", 1),
        Connection("10.0.0.1", 80, "10.0.0.9", 1),
        Connection("10.0.0.2", 80, "10.0.0.8", 1),
        Connection("10.0.0.1", 81, "10.0.0.8", 1),
        Connection("10.0.0.1", 80, "10.0.0.8", 10),
    ]
    assert (
        count_active(connections, port=80, addresses=addresses, excluded=excluded, states=ACTIVE)
        == count
    )
