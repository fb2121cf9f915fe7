"""Four sites in one run; the migration of one of them fails.  The others do as was asked."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lab.lab import Lab
from tests.spselab.controller import Controller, Ended
from tests.spselab.installed import find_installed
from tests.spselab.sites import Data, Site
from tests.standin.build import Package

pytestmark = pytest.mark.xdist_group("spse-fleet")

NAMES = ("lpse-a", "lpse-b", "lpse-c", "lpse-d")
ROLLED_BACK = 6
# The migration to 4.4 gives a column this name.
BREAK = "ALTER TABLE public.lelang_seleksi ADD COLUMN lls_catatan text"
MEND = "ALTER TABLE public.lelang_seleksi DROP COLUMN lls_catatan"


@dataclass(frozen=True)
class Fleet:
    controller: Controller
    sites: dict[str, Site]
    data: dict[str, Data]

    def versions(self) -> list[str]:
        return [self.sites[name].version() for name in NAMES]

    def assert_all_are_well(self) -> None:
        for name, site in self.sites.items():
            assert site.health() == [], name
            assert self.data[name].missing_in(site.data()) == [], name

    def results(self, ended: Ended) -> dict[str, str]:
        """Of the recap that a program reads: name of the host -> how it went there."""
        hosts = ended.json()["hosts"]
        return {each["host"]: each["result"] for each in hosts}


@pytest.fixture(scope="module")
def fleet(lab: Lab, controller: Controller, packages: dict[str, Package]) -> Iterator[Fleet]:
    hosts = lab.up(*NAMES, template=find_installed("spse-4.3"))
    controller.prepare(hosts)
    sites = {host.name: Site(host) for host in hosts}
    for site in sites.values():
        site.wait_until_up()
        site.back_up()
    sites["lpse-b"].query(BREAK)
    yield Fleet(controller, sites, {name: site.data() for name, site in sites.items()})
    for host in hosts:
        host.remove()


def test_one_after_the_other_until_one_fails(fleet: Fleet, packages: dict[str, Package]):
    """Of four, the second goes wrong: nobody touches the third and the fourth."""
    ended = fleet.controller.upgrade(packages["spse-4.4"], "--format", "json")
    assert ended.status == ROLLED_BACK, ended.text
    assert fleet.versions() == ["4.4", "4.3", "4.3", "4.3"]
    assert fleet.results(ended) == {
        "lpse-a": "done",
        "lpse-b": "rolled-back",
        "lpse-c": "not-begun",
        "lpse-d": "not-begun",
    }
    for name in ("lpse-c", "lpse-d"):
        assert fleet.sites[name].status()["phase"] == "none"
    fleet.assert_all_are_well()


def test_a_share_may_fail(fleet: Fleet, packages: dict[str, Package]):
    """Two at a time, and up to half of them may fail: the third and the fourth get their turn."""
    words = ["--serial", "2", "--max-fail-percentage", "50", "--format", "json"]
    ended = fleet.controller.upgrade(packages["spse-4.4"], *words)
    assert ended.status == ROLLED_BACK, ended.text
    assert fleet.versions() == ["4.4", "4.3", "4.4", "4.4"]
    fleet.assert_all_are_well()


def test_the_one_that_is_left_follows_once_its_trouble_is_gone(
    fleet: Fleet, packages: dict[str, Package]
):
    fleet.sites["lpse-b"].query(MEND)
    ended = fleet.controller.upgrade(packages["spse-4.4"], "--limit", "lpse-b")
    assert ended.status == 0, ended.text
    assert fleet.versions() == ["4.4"] * 4
    fleet.assert_all_are_well()
