"""What a host runs in, and what runs in it: virtual machine, container, hypervisor."""

import os
from typing import Any, Dict, List, NamedTuple, Set

from lpse_ops.agent.facts.hostfiles import read_text

# Words in product name, vendor or BIOS -> Ansible's name of the technology.
_FIRMWARE = (
    ("VMware", "VMware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Parallels", "parallels"),
    ("HVM domU", "xen"),
    ("Amazon EC2", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("KVM", "kvm"),
    ("QEMU", "kvm"),
    ("Bochs", "kvm"),
    ("Google Compute Engine", "kvm"),
    ("DigitalOcean", "kvm"),
    ("Nutanix AHV", "kvm"),
    ("Microsoft Corporation Virtual Machine", "VirtualPC"),
    ("bhyve", "bhyve"),
)
_CONTAINERS = ("docker", "podman", "lxc", "openvz")


class Signs(NamedTuple):
    """Everything that the decision is made from."""

    container: str
    firmware: str
    has_hypervisor_flag: bool
    xen: str
    can_host_kvm: bool


def read_virtualization() -> Dict[str, Any]:
    return decide(read_signs())


def read_signs() -> Signs:
    dmi = "/sys/devices/virtual/dmi/id/"
    names = ("product_name", "sys_vendor", "bios_vendor", "product_family")
    vendor_and_product = read_text(dmi + "sys_vendor") + " " + read_text(dmi + "product_name")
    return Signs(
        container=_read_container(),
        firmware=" ".join([vendor_and_product] + [read_text(dmi + name) for name in names]),
        has_hypervisor_flag=" hypervisor" in read_text("/proc/cpuinfo"),
        xen=read_text("/proc/xen/capabilities") if os.path.isdir("/proc/xen") else "absent",
        can_host_kvm=os.path.exists("/dev/kvm") or os.path.isdir("/sys/module/kvm"),
    )


def decide(signs: Signs) -> Dict[str, Any]:
    """Say type and role: the innermost thing that the host runs in comes first."""
    guests: List[str] = []
    hosts: Set[str] = set()
    if signs.container:
        names = [signs.container, "container"]
        guests += names if signs.container in _CONTAINERS else reversed(names)
    if signs.xen != "absent":
        guests.append("xen") if "control_d" not in signs.xen else hosts.add("xen")
    guests += [name for word, name in _FIRMWARE if word in signs.firmware][:1]
    if not guests and signs.has_hypervisor_flag:
        guests.append("kvm")
    if signs.can_host_kvm:
        hosts.add("kvm")
    role = "guest" if guests else "host" if hosts else "NA"
    kind = guests[0] if guests else sorted(hosts)[0] if hosts else "NA"
    return {
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": sorted(set(guests)),
        "virtualization_tech_host": sorted(hosts),
    }


def _read_container() -> str:
    """Name of the container technology, empty outside of one."""
    if os.path.exists("/.dockerenv"):
        return "docker"
    if os.path.exists("/run/.containerenv"):
        return "podman"
    return read_text("/run/systemd/container") or _container_of_init()


def _container_of_init() -> str:
    environment = read_text("/proc/1/environ").split("\0")
    return next((each[10:] for each in environment if each.startswith("container=")), "")
