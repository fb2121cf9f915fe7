"""Interfaces with their addresses, and the one that leads to the rest of the world."""

import ipaddress
import os
import socket
from typing import Any, Dict, List, Optional

from lpse_ops.agent.facts import netlink
from lpse_ops.agent.facts.hostfiles import list_folder, read_lines, read_text
from lpse_ops.agent.facts.netlink import Address, Route

# Any address that is not ours will do: nothing is sent there.
_OUTSIDE = {socket.AF_INET: "8.8.8.8", socket.AF_INET6: "2404:6800:400a:800::1012"}
_ARP_TYPES = {"1": "ether", "32": "infiniband", "512": "ppp", "772": "loopback", "65534": "tunnel"}
_IFF_UP, _IFF_PROMISC = 0x1, 0x100


def read_network(root: str = "/sys/class/net") -> Dict[str, Any]:
    """Read ``interfaces``, one fact per interface, all addresses and both default routes."""
    addresses = netlink.read_addresses()
    interfaces = {}
    for name in list_folder(root):
        if os.path.isdir(os.path.join(root, name)):
            interfaces[name] = _read_interface(os.path.join(root, name), name)
    add_addresses(interfaces, addresses)
    facts: Dict[str, Any] = {fact_name(name): interface for name, interface in interfaces.items()}
    facts["interfaces"] = list(interfaces)
    facts.update(all_addresses(addresses))
    facts["locally_reachable_ips"] = {
        "ipv4": netlink.read_local_networks(socket.AF_INET),
        "ipv6": netlink.read_local_networks(socket.AF_INET6),
    }
    for family, fact in ((socket.AF_INET, "default_ipv4"), (socket.AF_INET6, "default_ipv6")):
        route = netlink.read_route(family, _OUTSIDE[family])
        facts[fact] = describe_default(family, route, interfaces) if route else {}
    return facts


def fact_name(interface: str) -> str:
    """Name of an interface's fact: ``br-lan`` and ``eth0:1`` are no names of variables."""
    return interface.replace("-", "_").replace(":", "_")


def read_dns(path: str = "/etc/resolv.conf") -> Dict[str, Any]:
    return {"dns": parse_resolv_conf(read_lines(path))}


def parse_resolv_conf(lines: List[str]) -> Dict[str, Any]:
    """What the resolver is told, see resolv.conf(5)."""
    facts: Dict[str, Any] = {}
    for line in lines:
        words = line.split()
        if not words or words[0].startswith(("#", ";")):
            continue
        key, values = words[0], words[1:]
        if key == "nameserver":
            facts.setdefault("nameservers", []).extend(values)
        elif key == "domain" and values:
            facts["domain"] = values[0]
        elif key in ("search", "sortlist"):
            facts[key] = values
        elif key == "options":
            facts["options"] = dict(_parse_option(option) for option in values)
    return facts


def _parse_option(option: str) -> List[Any]:
    name, colon, value = option.partition(":")
    return [name, value if colon else True]


def add_addresses(interfaces: Dict[str, Dict[str, Any]], addresses: List[Address]) -> None:
    """Put each address where Ansible's facts have it; the first of IPv4 is the main one."""
    by_index = {interface.pop("index"): interface for interface in interfaces.values()}
    for address in addresses:
        interface = by_index.get(address.interface)
        if interface is None:
            continue
        if address.family == socket.AF_INET6:
            described = {
                "address": address.address,
                "prefix": str(address.prefix),
                "scope": address.scope,
            }
            interface.setdefault("ipv6", []).append(described)
        elif "ipv4" in interface:
            interface.setdefault("ipv4_secondaries", []).append(describe_ipv4(address))
        else:
            interface["ipv4"] = describe_ipv4(address)


def describe_ipv4(address: Address) -> Dict[str, str]:
    network = ipaddress.ip_network((address.address, address.prefix), strict=False)
    return {
        "address": address.address,
        "broadcast": address.broadcast,
        "netmask": str(network.netmask),
        "network": str(network.network_address),
        "prefix": str(address.prefix),
    }


def all_addresses(addresses: List[Address]) -> Dict[str, List[str]]:
    """All addresses that others can use."""
    usable = [each for each in addresses if not ipaddress.ip_address(each.address).is_loopback]
    return {
        "all_ipv4_addresses": [each.address for each in usable if each.family == socket.AF_INET],
        "all_ipv6_addresses": [each.address for each in usable if each.family == socket.AF_INET6],
    }


def describe_default(
    family: int, route: Route, interfaces: Dict[str, Dict[str, Any]]
) -> Dict[str, Any]:
    """The fact ``default_ipv4`` or ``default_ipv6``."""
    name = next((name for name in interfaces if _index_of(name) == route.interface), "")
    interface = interfaces.get(name, {})
    facts: Dict[str, Any] = {"interface": name, "address": route.source}
    if route.gateway:
        facts["gateway"] = route.gateway
    for key in ("macaddress", "mtu", "type"):
        if key in interface:
            facts[key] = interface[key]
    facts.update(_details_of(family, route.source, interface))
    if family == socket.AF_INET:
        facts["alias"] = name
    return facts


def _details_of(family: int, source: str, interface: Dict[str, Any]) -> Dict[str, Any]:
    if family == socket.AF_INET6:
        known = interface.get("ipv6", [])
    else:
        known = [interface.get("ipv4", {}), *interface.get("ipv4_secondaries", [])]
    return next((dict(each) for each in known if each.get("address") == source), {})


def _index_of(name: str) -> Optional[int]:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def _read_interface(folder: str, name: str) -> Dict[str, Any]:
    flags = int(read_text(os.path.join(folder, "flags"), "0x0"), 16)
    facts: Dict[str, Any] = {
        "index": int(read_text(os.path.join(folder, "ifindex"), "0")),
        "device": name,
        "active": bool(flags & _IFF_UP) and _is_running(folder),
        "promisc": bool(flags & _IFF_PROMISC),
        "type": _ARP_TYPES.get(read_text(os.path.join(folder, "type")), "unknown"),
    }
    mtu = read_text(os.path.join(folder, "mtu"))
    if mtu:
        facts["mtu"] = int(mtu)
    macaddress = read_text(os.path.join(folder, "address"))
    if macaddress and macaddress != "00:00:00:00:00:00":
        facts["macaddress"] = macaddress
    module = os.path.join(folder, "device/driver/module")
    if os.path.exists(module):
        facts["module"] = os.path.basename(os.path.realpath(module))
    if os.path.exists(os.path.join(folder, "device")):
        facts["pciid"] = os.path.basename(os.path.realpath(os.path.join(folder, "device")))
    speed = read_text(os.path.join(folder, "speed"))
    if speed.lstrip("-").isdigit():
        facts["speed"] = int(speed)
    facts.update(_read_bridge(folder))
    facts.update(_read_bond(folder))
    return facts


def _is_running(folder: str) -> bool:
    return read_text(os.path.join(folder, "operstate")) != "down"


def _read_bridge(folder: str) -> Dict[str, Any]:
    bridge = os.path.join(folder, "bridge")
    if not os.path.isdir(bridge):
        return {}
    return {
        "type": "bridge",
        "interfaces": list_folder(os.path.join(folder, "brif")),
        "id": read_text(os.path.join(bridge, "bridge_id")),
        "stp": read_text(os.path.join(bridge, "stp_state")) == "1",
    }


def _read_bond(folder: str) -> Dict[str, Any]:
    bond = os.path.join(folder, "bonding")
    if not os.path.isdir(bond):
        return {}
    return {
        "type": "bonding",
        "slaves": read_text(os.path.join(bond, "slaves")).split(),
        "mode": read_text(os.path.join(bond, "mode")).partition(" ")[0],
        "miimon": read_text(os.path.join(bond, "miimon")).partition(" ")[0],
        "lacp_rate": read_text(os.path.join(bond, "lacp_rate")).partition(" ")[0],
        "primary": read_text(os.path.join(bond, "primary")),
    }
