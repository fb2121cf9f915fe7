import ipaddress

import pytest

from lpse_ops.inventory.addresskinds import why_not_public


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("36.37.64.10/32", ""),
        ("2606:4700::/32", ""),
        ("10.0.0.0/8", "is private"),
        ("10.1.2.3/32", "is private"),
        ("172.32.0.0/16", ""),
        ("192.168.0.0/16", "is private"),
        ("192.0.2.0/25", "is an address for examples"),
        ("2001:db8:1::/48", "is an address for examples"),
        ("127.0.0.0/24", "is this machine itself"),
        ("255.255.255.255/32", "is no address of one machine"),
        ("239.1.1.1/32", "is no address of one machine"),
        ("fe80::1/128", "is known on one cable only"),
        ("198.18.0.0/24", "is reserved"),
        ("250.0.0.0/24", "is reserved"),
    ],
)
def test_whether_the_internet_can_reach_a_network(network, why):
    found = why_not_public(ipaddress.ip_network(network))
    assert found.startswith(why) if why else not found


def test_every_public_address_of_python_is_public_here():
    for first in range(256):
        address = ipaddress.ip_address(f"{first}.7.7.7")
        if address.is_global and not address.is_multicast:
            assert why_not_public(address) == ""
        else:
            assert why_not_public(address) != ""
