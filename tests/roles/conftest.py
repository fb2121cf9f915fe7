"""``roles`` runs roles on one Debian machine that all tests of the process share.

Put ``pytestmark = pytest.mark.xdist_group("roles")`` into the test file.  What other files left
on the machine may be there, and Debian's packages are, as they come: a role proves itself on it all
the same.  That it installs them is seen where a bare machine becomes a site (``tests/spselab``).
"""

from collections.abc import Iterator

import pytest

from tests.lab.lab import Host, Lab
from tests.roles.running import RoleRunner
from tests.spselab.prepared import bring_up_prepared


@pytest.fixture(scope="session")
def role_host(lab: Lab) -> Iterator[Host]:
    [host] = bring_up_prepared(lab, "roles")
    yield host
    host.remove()


@pytest.fixture(scope="session")
def roles(role_host: Host, tmp_path_factory: pytest.TempPathFactory) -> RoleRunner:
    return RoleRunner(role_host, tmp_path_factory.mktemp("roles"))
