"""``roles`` runs roles on one Debian machine that all tests of the process share.

Put ``pytestmark = pytest.mark.xdist_group("roles")`` into the test file.  What other files left
on the machine may be there: a role proves itself on it all the same.
"""

from collections.abc import Iterator

import pytest

from tests.lab.lab import Host, Lab
from tests.roles.running import RoleRunner


@pytest.fixture(scope="session")
def role_host(lab: Lab) -> Iterator[Host]:
    [host] = lab.up("roles")
    host.reach_debian()
    yield host
    host.remove()


@pytest.fixture(scope="session")
def roles(role_host: Host, tmp_path_factory: pytest.TempPathFactory) -> RoleRunner:
    return RoleRunner(role_host, tmp_path_factory.mktemp("roles"))


@pytest.fixture
def fresh_roles(fresh_host: Host, tmp_path_factory: pytest.TempPathFactory) -> RoleRunner:
    """The same on a machine of the test's own, as it was installed."""
    fresh_host.reach_debian()
    return RoleRunner(fresh_host, tmp_path_factory.mktemp("fresh"))
