"""Upgrade nights, good and bad, while a user asks for the login page all the time."""

import itertools
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lab.waiting import wait_until
from tests.spselab.conftest import InstalledSite
from tests.spselab.controller import Controller, Ended, package_variables
from tests.spselab.polling import Report
from tests.spselab.sites import Data, Site, digest
from tests.standin.build import Package

pytestmark = pytest.mark.xdist_group("spse-upgrade")

REFUSED, ROLLED_BACK = 7, 6
# What a site has of its own in its settings.
OWN = {"application.langs": "id,en", "mail.smtp.host": "surat.contoh.go.id"}
# Seconds until somebody who waits for the site would call.
LONGEST = 120.0


class Night(NamedTuple):
    """One upgrade, and what a user saw meanwhile."""

    ended: Ended
    seen: Report


@pytest.fixture(scope="module")
def new_site(installed_site: InstalledSite, controller: Controller) -> Site:
    """SPSE 4.3, of which there is no backup yet."""
    site = installed_site("spse-4.3", "upgrade")
    controller.prepare([site.host], {site.host.name: {"spse_health_seconds": 8}})
    return site


@pytest.fixture(scope="module")
def without_backup(new_site: Site, controller: Controller, packages: dict[str, Package]) -> Ended:
    """What an upgrade of it came to."""
    return controller.upgrade(packages["spse-4.4"])


@pytest.fixture(scope="module")
def site(new_site: Site, without_backup: Ended) -> Site:
    """The same with settings of its own, documents that came by the proxy, and a backup."""
    site = new_site
    settings = "/home/appserv/spse/webapp/conf/application.conf"
    lines = "".join(f"{key}={value}\\n" for key, value in OWN.items())
    change = f"sed -i '/^application.langs=/d' {settings}; printf '{lines}' >>{settings}"
    site.host.run("sh", "-c", f"{change}; systemctl restart spse")
    site.wait_until_up()
    site.back_up()
    for size in (1, 70_000, 3_000_000):
        site.upload(bytes(itertools.islice(itertools.cycle(range(251)), size)))
    return site


def test_a_server_that_is_not_fit_is_refused(without_backup: Ended, new_site: Site):
    assert without_backup.status == REFUSED, without_backup.text
    assert "this server is not fit for an upgrade: there is none yet" in without_backup.text
    assert new_site.status()["phase"] == "none"
    assert new_site.version() == "4.3"


def upgrade(
    site: Site, controller: Controller, package: Package, *, by_them: bool = False
) -> Night:
    with site.polled() as poll:
        assert wait_until(lambda: poll.report().good > 3)
        if by_them:
            ended = controller.their_playbook("upgrade", **package_variables(package))
        else:
            ended = controller.upgrade(package)
        good = poll.report().good
        assert wait_until(lambda: poll.report().good > good + 3), site.look()
        return Night(ended, poll.report())


def assert_users_waited_once(night: Night) -> None:
    """One outage, with the maintenance page and never an error, and not for long."""
    [outage] = night.seen.outages
    assert set(outage.said) == {"503"}, outage
    assert 0 < outage.seconds < LONGEST
    print(f"downtime {outage.seconds:.1f} s of {night.ended.seconds:.1f} s")


def assert_is(site: Site, version: str, before: Data) -> None:
    assert site.version() == version, site.look()
    assert site.health() == []
    assert before.missing_in(site.data()) == []
    kept = site.configuration()
    assert {key: kept.get(key) for key in OWN} == OWN


def test_4_3_to_4_4_by_our_program(
    site: Site, controller: Controller, packages: dict[str, Package]
):
    before = site.data()
    night = upgrade(site, controller, packages["spse-4.4"])
    assert night.ended.status == 0, night.ended.text
    assert_is(site, "4.4", before)
    assert_users_waited_once(night)
    # Its rows are as the release wants them: handed in and read back.
    content = b"setelah 4.4" * 9000
    number = site.upload(content)
    assert site.download(number) == content
    [[kept]] = site.query(f"SELECT dok_sha256 FROM dok_penawaran WHERE dok_id = {number}")
    assert kept == digest(content)


def test_the_same_again_does_nothing(
    site: Site, controller: Controller, packages: dict[str, Package]
):
    before = site.status()["stamp"]
    ended = controller.upgrade(packages["spse-4.4"])
    assert ended.status == 0, ended.text
    assert site.status()["stamp"] == before


def test_a_tampered_package_is_refused_before_anything_is_touched(
    site: Site, controller: Controller, packages: dict[str, Package], tmp_path: Path
):
    before, stamp = site.data(), site.status()["stamp"]
    night = upgrade(site, controller, packages["spse-4.5-tampered"])
    assert night.ended.status == REFUSED, night.ended.text
    assert "SHA-256" in night.ended.text
    assert night.seen.outages == []
    # The same by the other way.
    night = upgrade(site, controller, packages["spse-4.5-tampered"], by_them=True)
    assert night.ended.status != 0
    assert "is refused" in night.ended.text, night.ended.text
    assert night.seen.outages == []
    assert site.status()["stamp"] == stamp
    assert_is(site, "4.4", before)


# Those that soak are also the step runner's own tests' (tests/spse_steps).
@pytest.mark.parametrize(
    "fault",
    [
        "migration-fails",
        "migration-fails-quietly",
        "answers-504",
        pytest.param("hangs", marks=pytest.mark.soak),
        pytest.param("logs-errors", marks=pytest.mark.soak),
    ],
)
def test_a_bad_release_is_taken_back(
    site: Site, controller: Controller, packages: dict[str, Package], fault: str
):
    before, version = site.data(), site.version()
    night = upgrade(site, controller, packages[f"spse-4.5-{fault}"])
    assert night.ended.status == ROLLED_BACK, night.ended.text
    assert site.status()["phase"] == "rolled-back"
    assert_is(site, version, before)
    # To the last row: nobody was let in meanwhile.
    assert site.data() == before
    assert_users_waited_once(night)
    # LKPP will send a better one of the same version.
    site.lpse_ops("spse", "release", "remove", "4.5")


def test_4_4_to_4_5_by_ansible(site: Site, controller: Controller, packages: dict[str, Package]):
    before = site.data()
    night = upgrade(site, controller, packages["spse-4.5"], by_them=True)
    assert night.ended.status == 0, night.ended.text
    assert_is(site, "4.5", before)
    assert_users_waited_once(night)


def test_our_program_takes_back_what_ansible_did(site: Site, controller: Controller):
    ended = controller.rollback()
    # Users were let in: what they wrote would be lost, so somebody has to say why.
    assert ended.status == REFUSED, ended.text
    assert site.version() == "4.5"
    ended = controller.rollback("--accept-lost-writes", "panitia tidak dapat membuka penawaran")
    assert ended.status == 0, ended.text
    assert site.version() == "4.4"
    assert site.health() == []
    shown = site.lpse_ops("spse", "change", "list").stdout
    assert shown.count("\n") > 6
