"""``setup`` beside ansible-core's own: the same facts, and the same names for each subset."""

from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.context import Context
from tests.agent.realmodules import Both, Task, run_both, run_real
from tests.agent.thishost import run_module

SUBSETS = {
    "all": ["all"],
    "nothing said": [],
    "minimal": ["!all"],
    "none": ["!all", "!min"],
    "network": ["!all", "!min", "network"],
    "hardware": ["!all", "!min", "hardware"],
    "virtual": ["!all", "!min", "virtual"],
    "pkg_mgr": ["!all", "!min", "pkg_mgr"],
    "service_mgr": ["!all", "!min", "service_mgr"],
    "by a fact": ["distribution_version"],
    "by a fact alone": ["!all", "!min", "os_family"],
    "mounts": ["!all", "!min", "mounts"],
    "only exclusions": ["!hardware", "!network"],
    "all without some": ["all", "!min", "!platform"],
    "many": [
        *("!all", "!min", "lsb", "ssh_pub_keys", "systemd", "loadavg", "fips", "dns"),
        *("caps", "selinux", "apparmor", "chroot", "iscsi", "cmdline", "python", "user"),
    ],
    "unknown": ["nope"],
}
# They change while we look, or ansible-core misreads what newer programs print.
MOVING = {"date_time", "loadavg", "memfree_mb", "memory_mb", "uptime_seconds", "env"}
MOVING |= {"system_capabilities"}
UNORDERED = ("interfaces", "virtualization_tech_guest", "virtualization_tech_host")
UNORDERED += ("all_ipv4_addresses", "all_ipv6_addresses")
# Of a mount, what does not change while others write to it.
FIXED = ("mount", "device", "fstype", "options", "size_total", "block_size", "inode_total", "uuid")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Both]:
    tasks = {name: Task("setup", {"gather_subset": words}) for name, words in SUBSETS.items()}
    local = {
        "gather_subset": ["!all", "!min", "local"],
        "fact_path": str(fact_files(tmp_path_factory)),
    }
    tasks["local"] = Task("setup", local)
    tasks["filter"] = Task("setup", {"filter": ["ansible_dist*", "os_family", "date_time"]})
    return run_both(tasks)


def fact_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("facts.d")
    (folder / "json.fact").write_text('{"a": [1, true]}')
    (folder / "ini.fact").write_text("[s]\nKey = v\n[t]\na=%(b)s\nb=c\n")
    (folder / "garbage.fact").write_text("garbage\n")
    (folder / "ignored.txt").write_text("x")
    for name, script in (("run", "echo '{\"x\": 1}'"), ("fails", "echo oops >&2; exit 3")):
        path = folder / f"{name}.fact"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return folder


def comparable(facts: dict[str, Any]) -> dict[str, Any]:
    named = {name.removeprefix("ansible_"): value for name, value in facts.items()}
    kept = {name: value for name, value in named.items() if name not in MOVING}
    # Sets of ansible-core's, and addresses in the order in which interfaces happen to stand.
    for name in UNORDERED:
        kept[name] = sorted(named[name])
    kept["locally_reachable_ips"] = {
        kind: sorted(each) for kind, each in named["locally_reachable_ips"].items()
    }
    kept["mounts"] = [{key: each[key] for key in FIXED} for each in named["mounts"]]
    return kept


def differences() -> dict[str, Any]:
    """What the two say differently of things that were the same before and after."""
    before = comparable(run_module("setup", {}, Context())["ansible_facts"])
    theirs = comparable(run_real([Task("setup", {})])[0]["ansible_facts"])
    after = comparable(run_module("setup", {}, Context())["ansible_facts"])
    lasting = {name for name in before.keys() | after.keys() if before.get(name) == after.get(name)}
    assert len(lasting) > 60
    return {
        name: (after[name], theirs.get(name)) for name in lasting if after[name] != theirs.get(name)
    }


def test_facts_as_ansible():
    found: dict[str, Any] = {}
    # Others plug lines and mount disks while we look: what differs for good is a fault.
    for _ in range(6):
        found = differences()
        if not found:
            break
    assert found == {}


@pytest.mark.parametrize("name", [name for name in SUBSETS if name != "unknown"])
def test_names_as_ansible(both, name):
    theirs, ours = (names_of(side["ansible_facts"]) for side in both[name])
    assert ours == theirs


def names_of(facts: dict[str, Any]) -> set[str]:
    """Names of all facts but those of interfaces, which come and go."""
    return {
        name for name, fact in facts.items() if not (isinstance(fact, dict) and "device" in fact)
    }


@pytest.mark.parametrize("name", ["date_time", "memory_mb", "loadavg"])
def test_moving_facts_have_the_same_shape(both, name):
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(each) for key, each in value.items()}
        return type(value).__name__

    theirs, ours = (side["ansible_facts"][f"ansible_{name}"] for side in both["all"])
    assert shape(ours) == shape(theirs)


def test_a_subset_that_there_is_not(both):
    theirs, ours = both["unknown"]
    assert ours["msg"] == theirs["msg"]


def test_facts_of_a_site(both):
    theirs, ours = both["local"]
    assert ours["ansible_facts"] == theirs["ansible_facts"]
    assert sorted(ours["warnings"]) == sorted(theirs["warnings"])


def test_filter(both):
    theirs, ours = (side["ansible_facts"] for side in both["filter"])
    assert set(ours) == set(theirs)
    assert "ansible_os_family" in ours
