"""Which kinds of facts ``gather_subset`` asks for: names, exclusions, and what needs what."""

from typing import Dict, Iterable, List, NamedTuple, Set


class Subset(NamedTuple):
    """A kind of facts; ``facts`` are names that ask for all of it, too."""

    facts: Iterable[str] = ()
    needs: Iterable[str] = ()
    is_minimal: bool = False


# In the order in which they are gathered: what others need comes first.
SUBSETS: Dict[str, Subset] = {
    "platform": Subset(
        [
            "system",
            "kernel",
            "kernel_version",
            "machine",
            "python_version",
            "architecture",
            "machine_id",
        ],
        is_minimal=True,
    ),
    "distribution": Subset(
        ["distribution_version", "distribution_release", "distribution_major_version", "os_family"],
        is_minimal=True,
    ),
    "apparmor": Subset(is_minimal=True),
    "caps": Subset(["system_capabilities", "system_capabilities_enforced"], is_minimal=True),
    "chroot": Subset(["is_chroot"]),
    "cmdline": Subset(is_minimal=True),
    "date_time": Subset(is_minimal=True),
    "dns": Subset(is_minimal=True),
    "env": Subset(is_minimal=True),
    "facter": Subset(),
    "fibre_channel_wwn": Subset(),
    "fips": Subset(is_minimal=True),
    "hardware": Subset(
        ["processor", "processor_cores", "processor_count", "mounts", "devices"],
        needs=["platform"],
    ),
    "iscsi": Subset(),
    "loadavg": Subset(),
    "local": Subset(is_minimal=True),
    "lsb": Subset(is_minimal=True),
    "network": Subset(
        ["interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"],
        needs=["platform", "distribution"],
    ),
    "nvme": Subset(),
    "ohai": Subset(),
    "pkg_mgr": Subset(needs=["distribution"], is_minimal=True),
    "python": Subset(is_minimal=True),
    "selinux": Subset(is_minimal=True),
    "service_mgr": Subset(needs=["platform", "distribution"], is_minimal=True),
    "ssh_pub_keys": Subset(
        [
            "ssh_host_pub_keys",
            "ssh_host_key_dsa_public",
            "ssh_host_key_rsa_public",
            "ssh_host_key_ecdsa_public",
            "ssh_host_key_ed25519_public",
        ],
        is_minimal=True,
    ),
    "systemd": Subset(),
    "user": Subset(
        [
            "user_id",
            "user_uid",
            "user_gid",
            "user_gecos",
            "user_dir",
            "user_shell",
            "real_user_id",
            "effective_user_id",
            "effective_group_ids",
        ],
        is_minimal=True,
    ),
    "virtual": Subset(
        [
            "virtualization_type",
            "virtualization_role",
            "virtualization_tech_guest",
            "virtualization_tech_host",
        ],
    ),
}


class UnknownSubset(ValueError):
    """A name that is no kind of facts; the text is Ansible's."""


def choose_subsets(wanted: List[str], subsets: Dict[str, Subset]) -> List[str]:
    """Return the kinds of facts to gather, in order; raises ``UnknownSubset``."""
    every = set(subsets) | {fact for each in subsets.values() for fact in each.facts}
    minimal = {name for name, subset in subsets.items() if subset.is_minimal}
    named: Set[str] = set()
    added: Set[str] = set()
    excluded: Set[str] = set()
    for word in wanted:
        name, target = (word[1:], excluded) if word.startswith("!") else (word, added)
        if name == "min":
            target |= minimal
        elif name == "all":
            target |= every - minimal if word.startswith("!") else every
        elif name in every:
            target.add(name)
            named |= {name} if target is added else set()
        else:
            raise UnknownSubset(_complaint(name, every))
    chosen = (added | minimal) - (excluded - named)
    return _with_needs({name for name in subsets if _is_chosen(name, subsets, chosen)}, subsets)


def _is_chosen(name: str, subsets: Dict[str, Subset], chosen: Set[str]) -> bool:
    return bool(chosen & {name, *subsets[name].facts})


def _with_needs(names: Set[str], subsets: Dict[str, Subset]) -> List[str]:
    needed = {need for name in names for need in subsets[name].needs}
    return [name for name in subsets if name in names | needed]


def _complaint(name: str, every: Set[str]) -> str:
    allowed = ", ".join(sorted({*every, "all"}))
    text = "Bad subset '{}' given to Ansible. gather_subset options allowed: {}"
    return text.format(name, allowed)
