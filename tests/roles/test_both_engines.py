"""Two equal machines, the same roles: one by our engine, one by ansible-playbook."""

from collections.abc import Iterator

import pytest

from tests.lab.lab import Host, Lab
from tests.roles.running import OURS, THEIRS, RoleRunner
from tests.spselab.endstate import differences, read_state
from tests.spselab.prepared import bring_up_prepared

# The whole installation is compared in each run: tests/spselab.
pytestmark = [pytest.mark.xdist_group("roles"), pytest.mark.soak]

ROLES = ("common", "time_sync", "firewall", "java", "hardening")
VARIABLES = {
    "common_time_zone": "WIT",
    "common_users": [{"name": "sari", "key": "ssh-ed25519 AAAA sari", "sudo": True}],
    "time_sync_options": "-x",
    "firewall_lkpp": ["192.0.2.0/24"],
}


@pytest.fixture
def hosts(lab: Lab) -> Iterator[list[Host]]:
    hosts = bring_up_prepared(lab, "by-ours", "by-theirs")
    yield hosts
    for host in hosts:
        host.remove()


def test_the_machines_are_alike(hosts: list[Host], tmp_path_factory: pytest.TempPathFactory):
    runners = [RoleRunner(host, tmp_path_factory.mktemp(host.name)) for host in hosts]
    for runner, engine in zip(runners, (OURS, THEIRS), strict=True):
        ran = runner.run(*ROLES, variables=VARIABLES, engine=engine)
        assert ran.status == 0, ran.text
    assert differences(*map(read_state, hosts)) == []
    # Each finds nothing to do where the other one was.
    for runner, engine in zip(runners, (THEIRS, OURS), strict=True):
        ran = runner.run(*ROLES, variables=VARIABLES, engine=engine)
        assert (ran.status, ran.changed) == (0, []), ran.text
