"""``python -m benchmarks.spse``: how long an installation, upgrade nights and ways back take.

On machines of the lab (tests/lab), whose disks are in this machine's memory, with the stand-in for
SPSE (tests/standin), which starts in a second: what the tools take is real, what SPSE takes is not.
Fails if an installation takes 5 minutes, or the way back with a database of 1 GB 30 seconds.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import read_facts
from benchmarks.options import choices
from benchmarks.report import render_facts
from lpse_ops.cli.output import render_table
from tests.lab.lab import Lab, open_lab
from tests.lab.waiting import wait_until
from tests.spselab.controller import Controller, package_variables
from tests.spselab.installed import find_dump, find_installed
from tests.spselab.polling import Report
from tests.spselab.sites import Site
from tests.standin.build import Package, find_packages

INSTALL_MUST = 300.0
ROLLBACK_MUST = 30.0
GIGABYTE = 1_000_000_000
DONE, ROLLED_BACK = 0, 6
_PARTS = ("install", "upgrades", "rollback")
_FAULTS = ("migration-fails", "migration-fails-quietly", "answers-504", "hangs", "logs-errors")


class Share(NamedTuple):
    """``kind``: a role, or an action of all roles."""

    kind: str
    seconds: float


def share_by(report: Mapping[str, Any], host: str, kind: str) -> list[Share]:
    """Of a report of ``playbook run --format json``, longest first."""
    found: dict[str, float] = defaultdict(float)
    for play in report["plays"]:
        for task in play["tasks"]:
            if host in task["hosts"]:
                found[_kind_of(task, kind)] += task["hosts"][host]["seconds"]
    return sorted((Share(*each) for each in found.items()), key=lambda share: -share.seconds)


def _kind_of(task: Mapping[str, Any], kind: str) -> str:
    if kind == "role":
        role, colon, _ = str(task["name"]).partition(" : ")
        return role if colon else "(play)"
    return str(task["action"]).rpartition(".")[2]


def measure_install(lab: Lab, packages: Mapping[str, Package]) -> list[str]:
    """A bare machine; the packages come from this machine's cache, or by its line at first."""
    [host] = lab.up("install")
    host.reach_debian()
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(Path(folder))
        controller.prepare([host])
        variables = package_variables(packages["spse-4.3"])
        extra = Path(folder) / "install.json"
        extra.write_text(json.dumps({**variables, "spse_database_dump": str(find_dump())}))
        words = ["playbook", "run", "-i", "inventory/hosts.yml", "-e", f"@{extra}"]
        ended = controller.lpse_ops(*words, "--format", "json", "playbooks/install.yml")
        if ended.status != 0:
            raise RuntimeError(ended.text)
        again = controller.our_playbook("install", **variables)
    report = json.loads(ended.stdout)
    print(f"\ninstallation: {ended.seconds:.1f} s; again, changing nothing: {again.seconds:.1f} s")
    for kind in ("role", "action"):
        rows = [
            (share.kind, f"{share.seconds:.1f} s", f"{100 * share.seconds / ended.seconds:.0f} %")
            for share in share_by(report, host.name, kind)[:9]
        ]
        print(render_table((kind, "time", "share"), rows))
    host.remove()
    late = ended.seconds >= INSTALL_MUST
    return [f"the installation took {ended.seconds:.0f} s"] if late else []


def measure_upgrades(lab: Lab, packages: Mapping[str, Package]) -> list[str]:
    """Good ones and bad ones, with a user who asks all the time."""
    site = _bring_up(lab, "upgrades")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(Path(folder))
        controller.prepare([site.host], {site.host.name: {"spse_health_seconds": 20}})
        nights = ["spse-4.4", *(f"spse-4.5-{fault}" for fault in _FAULTS), "spse-4.5"]
        for name in nights:
            status, seconds, seen = _upgrade(site, controller, packages[name])
            longest = max((outage.seconds for outage in seen.outages), default=0.0)
            version = site.version()
            rows.append((name, str(status), f"{seconds:.1f} s", f"{longest:.1f} s", version))
            if version == "4.4" and name != "spse-4.4":
                site.lpse_ops("spse", "release", "remove", "4.5")
    print(render_table(("package", "exit", "whole", "downtime", "serving afterwards"), rows))
    site.host.remove()
    return []


def measure_rollback(lab: Lab, packages: Mapping[str, Package]) -> list[str]:
    """With a database of 1 GB: by itself after a failure, and by hand after the upgrade."""
    site = _bring_up(lab, "rollback")
    grow(site, GIGABYTE)
    rows, late = [], []
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(Path(folder))
        for kind in ("clone", "dump"):
            controller.prepare([site.host], {site.host.name: {"spse_rollback_point": kind}})
            status, whole, seen = _upgrade(site, controller, packages["spse-4.4"])
            if status != 0:
                raise RuntimeError(f"the upgrade ended with {status}")
            began = time.monotonic()
            with site.polled() as poll:
                done = site.runner("rollback", "--accept-lost-writes", "benchmark")
                seconds = time.monotonic() - began
                wait_until(lambda: bool(site.version()))
                down = poll.report().downtime
            if done.status != 0 or site.version() != "4.3":
                raise RuntimeError(done.stderr + site.look())
            rows.append((kind, f"{whole:.1f} s", f"{seen.downtime:.1f} s", f"{seconds:.1f} s",
                         f"{down:.1f} s"))  # fmt: skip
            if kind == "clone" and seconds >= ROLLBACK_MUST:
                late.append(f"the way back took {seconds:.0f} s")
    heads = ("rollback point", "upgrade", "its downtime", "way back", "its downtime")
    [[size]] = site.query("SELECT pg_database_size('epns_prod')")
    print(f"\ndatabase of {int(size) / 1e9:.2f} GB")
    print(render_table(heads, rows))
    site.host.remove()
    return late


def grow(site: Site, size: int) -> None:
    """Let a table of its own, with an index, take so many bytes."""
    site.query(
        "CREATE TABLE public.arsip AS SELECT n AS id, md5(n::text) AS sidik,"
        f" repeat(md5((-n)::text), 8) AS isi FROM generate_series(1, {size // 385}) n;"
        "ALTER TABLE public.arsip ADD PRIMARY KEY (id); ALTER TABLE public.arsip OWNER TO epns;"
        "CHECKPOINT"
    )


def _bring_up(lab: Lab, name: str) -> Site:
    [host] = lab.up(name, template=find_installed("spse-4.3"))
    host.reach_debian(update=False)
    site = Site(host)
    site.wait_until_up()
    site.back_up()
    return site


def _upgrade(site: Site, controller: Controller, package: Package) -> tuple[int, float, Report]:
    with site.polled() as poll:
        wait_until(lambda: poll.report().good > 3)
        ended = controller.upgrade(package)
        if ended.status not in (DONE, ROLLED_BACK):
            raise RuntimeError(f"the upgrade ended with {ended.status}:\n{ended.text}")
        good = poll.report().good
        wait_until(lambda: poll.report().good > good + 3)
        return ended.status, ended.seconds, poll.report()


_MEASURES = {
    "install": measure_install,
    "upgrades": measure_upgrades,
    "rollback": measure_rollback,
}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.spse", description=__doc__)
    parser.add_argument("--only", type=choices(_PARTS), default=_PARTS)
    only = parser.parse_args(argv).only
    with tempfile.TemporaryDirectory() as scratch:
        print(render_facts(read_facts(Path(scratch))))
    packages = find_packages()
    shortfalls = []
    with open_lab() as lab:
        for part in only:
            shortfalls += _MEASURES[part](lab, packages)
    for shortfall in shortfalls:
        print(f"NOT AS PROMISED: {shortfall}", file=sys.stderr)
    return 1 if shortfalls else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
