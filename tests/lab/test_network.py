from tests.lab.network import parse_is_routed


def test_a_route_for_the_network_or_a_part_of_it_takes_it():
    assert parse_is_routed([{"dst": "10.99.3.0/24", "dev": "eth1"}])
    assert parse_is_routed([{"dst": "10.99.3.7", "dev": "tun0"}])


def test_no_route_or_only_the_default_leaves_it_free():
    assert not parse_is_routed([])
    assert not parse_is_routed([{"dst": "default", "gateway": "192.0.2.1"}])
