"""``installed_site("spse-4.3")``: a fresh host on which SPSE runs, with the sample's data."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.lab.lab import Host, Lab
from tests.spselab.controller import Controller
from tests.spselab.installed import find_installed
from tests.spselab.sites import Site
from tests.standin.build import Package, find_packages
from tests.standin.toolchain import say_missing_java

_numbers = itertools.count(1)

InstalledSite = Callable[..., Site]


@pytest.fixture(scope="session")
def packages() -> dict[str, Package]:
    if reason := say_missing_java():
        pytest.skip(reason)
    return find_packages()


@pytest.fixture(scope="module")
def installed_site(lab: Lab, packages: dict[str, Package]) -> Iterator[InstalledSite]:
    """The hosts go with the module."""
    hosts: list[Host] = []

    def bring_up(package: str, name: str = "") -> Site:
        template = find_installed(package)
        [host] = lab.up(name or f"site-{next(_numbers)}", template=template)
        hosts.append(host)
        host.reach_debian(update=False)
        site = Site(host)
        site.wait_until_up()
        return site

    yield bring_up
    for host in hosts:
        host.remove()


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """Prepared by the tests, who know the hosts."""
    return Controller(tmp_path_factory.mktemp("controller"))
