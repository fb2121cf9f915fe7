"""The power goes at every step of an upgrade; whoever comes next goes on, or back: nothing is lost.

The moments inside the steps are the step runner's own tests' (tests/spse_steps); here whole
machines lose their power, with systemd, PostgreSQL, Apache and the application on them.
"""

import itertools
import secrets
import subprocess
from dataclasses import dataclass, field

import pytest

from tests.spselab.conftest import InstalledSite
from tests.spselab.cutting import Point, Watch
from tests.spselab.sites import RUNNER, Site
from tests.standin.build import Package

pytestmark = pytest.mark.xdist_group("spse-power")

STEPS = (
    "maintenance",
    "stop",
    "backup",
    "rollback-point",
    "switch",
    "files",
    "migrate",
    "start",
    "prove",
    "let-in",
    "tidy",
)
ON, BACK = "resume", "rollback"
# Each step's begin once, by turns gone on with and taken back; and the ends of the long ones.
CUTS = [
    *((Point(step, "begun"), way) for step, way in zip(STEPS, itertools.cycle((BACK, ON)))),
    (Point("stop", "done"), ON),
    (Point("backup", "done"), BACK),
    (Point("migrate", "done"), BACK),
    (Point("start", "done"), BACK),
]
LOST = ["--accept-lost-writes", "listrik padam"]
# The step runner's disk is as slow as those of the field; else a quick step would be over before
# the power is gone.
SLOW = "/root/slow"
SLOW_DISK = """\
import os, time
quick = os.fsync
def fsync(descriptor):
    quick(descriptor)
    time.sleep(0.05)
os.fsync = fsync
"""


@dataclass
class Trial:
    """A site that is upgraded from 4.3 again and again."""

    site: Site
    seen: set[Point] = field(default_factory=set)

    def begin(self) -> None:
        """Start the upgrade as the role does, and come back at once."""
        plan = "/var/lib/lpse-ops/upgrade/plan.json"
        name = f"potong-{secrets.token_hex(4)}"
        self.site.lpse_ops("spse", "plan", "--release=4.4", f"--id={name}", f"--output={plan}")
        unit = ["systemd-run", "--unit=lpse-ops-upgrade", "--collect", "--quiet"]
        unit.append(f"--setenv=PYTHONPATH={SLOW}")
        self.site.host.run(*unit, *RUNNER, "run", plan)

    def cut(self, point: Point, way: str) -> None:
        """Cut the power there, and let somebody come who types what ``way`` says."""
        host, site = self.site.host, self.site
        watch = Watch(host)
        before, stamp = site.data(), watch.stamp()
        self.begin()
        reached = watch.cut_at(point, stamp)
        self.seen.add(reached)
        host.on()
        status = site.status()
        assert status["phase"] == "stopped", status
        assert reached.status != "begun" or status["step"] == reached.step, status
        done = site.runner(way, *(LOST if is_let_in(reached) and way == BACK else []))
        assert done.status == 0, (reached, way, done, site.look())
        self.judge("4.4" if way == ON else "4.3", f"{reached}, then {way}")
        assert before.missing_in(site.data()) == [], (reached, way)

    def judge(self, version: str, what: str) -> None:
        """It serves this version, and will after the next boot."""
        site = self.site
        # Where the application was not stopped yet, systemd may be just starting it.
        site.wait_until_up()
        assert site.version() == version, (what, site.look())
        assert site.health() == [], what
        enabled = site.host.run("systemctl", "is-enabled", "spse", check=False).stdout
        assert enabled == "enabled\n", what
        assert site.status()["phase"] in ("done", "rolled-back"), what

    def go_back(self) -> None:
        """To 4.3, after users were let in."""
        if self.site.version() == "4.4":
            done = self.site.runner("rollback", *LOST)
            assert done.status == 0, done
            self.judge("4.3", "rollback after the upgrade")


def is_let_in(point: Point) -> bool:
    return STEPS.index(point.step) >= STEPS.index("let-in")


@pytest.fixture(scope="module")
def trial(installed_site: InstalledSite, packages: dict[str, Package]) -> Trial:
    site = installed_site("spse-4.3", "power")
    package = packages["spse-4.4"]
    archive = f"/root/{package.archive.name}"
    with package.archive.open("rb") as content:
        subprocess.run(site.host.ssh_argv(f"cat >{archive}"), check=True, stdin=content)
    unpack = ["release", "unpack", archive, f"--release={package.version}"]
    site.lpse_ops("spse", *unpack, f"--sha256={package.sha256}")
    site.host.run("sh", "-c", f"mkdir {SLOW}; cat >{SLOW}/sitecustomize.py", stdin=SLOW_DISK)
    return Trial(site)


@pytest.mark.parametrize(("point", "way"), CUTS, ids=lambda each: str(each).replace(" ", "-"))
def test_power_cut(trial: Trial, point: Point, way: str):
    trial.go_back()
    trial.cut(point, way)


def test_the_power_went_at_twelve_points(trial: Trial):
    """Not at a few ones again and again, because the machine was slow."""
    assert len(trial.seen) >= 12, trial.seen
