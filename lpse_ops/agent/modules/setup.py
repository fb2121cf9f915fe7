"""The ``setup`` module: facts about the host, also what ``gather_facts`` runs.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  A program is
started only where a file or a system call cannot tell.  Left out: what facter and ohai say, and
what takes ethtool or lspci.
"""

import fnmatch
from typing import Any, Callable, Dict, List

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.facts import capabilities, hardware, network, platform, storage, system
from lpse_ops.agent.facts.devices import read_devices
from lpse_ops.agent.facts.distribution import read_distribution
from lpse_ops.agent.facts.local import read_local
from lpse_ops.agent.facts.mounts import read_mounts
from lpse_ops.agent.facts.subsets import SUBSETS, UnknownSubset, choose_subsets
from lpse_ops.agent.facts.virtualization import read_virtualization

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
    "gather_timeout": {"type": "int", "default": 10},
    "filter": {"type": "list", "elements": "str", "default": []},
    "fact_path": {"type": "path", "default": "/etc/ansible/facts.d"},
}
CHECK_MODE = "full"

Facts = Dict[str, Any]
Warn = Callable[[str], None]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return ``ansible_facts``, with Ansible's prefix before each name."""
    wanted = args["gather_subset"] or ["all"]
    try:
        names = choose_subsets(wanted, SUBSETS)
    except UnknownSubset as error:
        raise Failed(str(error)) from error
    warnings: List[str] = []
    facts = {"ansible_" + name: fact for name, fact in gather(names, args, warnings.append).items()}
    facts.update(gather_subset=wanted, module_setup=True)
    result: Dict[str, Any] = {"ansible_facts": select(facts, args["filter"])}
    if warnings:
        result["warnings"] = warnings
    return result


def gather(names: List[str], args: Dict[str, Any], warn: Warn) -> Facts:
    """Read the named kinds of facts; one that cannot be read is a warning."""
    known: Facts = {}
    readers = _readers(args, known, warn)
    for name in names:
        try:
            known.update(readers[name]())
        except (OSError, ValueError, LookupError) as error:
            warn(f"could not gather the facts {name}: {error!r}")
    return known


def select(facts: Facts, patterns: List[str]) -> Facts:
    """Keep the facts whose names match a shell pattern, with or without the prefix."""
    if not patterns or patterns == ["*"]:
        return facts
    wanted = [form for pattern in patterns for form in (pattern, "ansible_" + pattern)]
    return {
        name: fact
        for name, fact in facts.items()
        if any(fnmatch.fnmatch(name, pattern) for pattern in wanted)
    }


def _readers(args: Dict[str, Any], known: Facts, warn: Warn) -> Dict[str, Callable[[], Facts]]:
    """Say how each kind of facts is read; ``known`` holds what was read before."""

    def read_hardware() -> Facts:
        facts = hardware.read_hardware()
        facts.update(read_devices())
        facts.update(read_mounts(args["gather_timeout"]))
        facts.update(storage.read_lvm())
        return facts

    return {
        "apparmor": system.read_apparmor,
        "caps": capabilities.read_capabilities,
        "chroot": system.read_is_chroot,
        "cmdline": system.read_command_line,
        "date_time": platform.read_date_time,
        "distribution": read_distribution,
        "dns": network.read_dns,
        "env": platform.read_environment,
        "facter": dict,
        "fibre_channel_wwn": storage.read_fibre_channel,
        "fips": system.read_fips,
        "hardware": read_hardware,
        "iscsi": storage.read_iscsi,
        "loadavg": hardware.read_load,
        "local": lambda: read_local(args["fact_path"], warn),
        "lsb": system.read_lsb,
        "network": network.read_network,
        "nvme": storage.read_nvme,
        "ohai": dict,
        "pkg_mgr": lambda: system.read_package_manager(known["os_family"]),
        "platform": platform.read_platform,
        "python": platform.read_python,
        "selinux": system.read_selinux,
        "service_mgr": system.read_service_manager,
        "ssh_pub_keys": system.read_host_keys,
        "systemd": system.read_systemd,
        "user": platform.read_user,
        "virtual": read_virtualization,
    }
