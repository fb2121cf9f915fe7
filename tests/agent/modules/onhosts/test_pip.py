"""``pip`` on a real host as a sudo user: the packages are a folder of wheels there."""

import io
import subprocess
import tarfile
from pathlib import Path

import pip as pip_library
import pytest

from tests.agent.modules.onhosts.conftest import CHECK_CHECK_RUN_AGAIN, ask_as_operator
from tests.agent.modules.test_pip import write_wheel

pytestmark = pytest.mark.xdist_group("lab-modules")

MAKE = """set -e
tar -x -C /srv
python3 -m venv --without-pip /srv/v
echo /srv/pips >"$(echo /srv/v/lib/python3*/site-packages)/pip.pth"
{
    echo '#!/srv/v/bin/python'
    echo 'from pip._internal.cli.main import main'
    echo 'raise SystemExit(main())'
} >/srv/v/bin/pip3
chmod +x /srv/v/bin/pip3
"""


@pytest.fixture
def host(hosts, tmp_path):
    """A host with a virtualenv, and two versions of one package to choose from."""
    (tmp_path / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        write_wheel(tmp_path / "wheels", "halo", version, "")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(Path(pip_library.__file__).parent, "pips/pip")
        for wheel in (tmp_path / "wheels").glob("*.whl"):
            archive.add(wheel, f"wheels/{wheel.name}")
    subprocess.run(hosts[1].ssh_argv(MAKE), input=content.getvalue(), check=True)
    return hosts[1]


def test_packages_come_change_and_go(host):
    args = {"virtualenv": "/srv/v", "extra_args": "--no-index --find-links /srv/wheels"}
    for wanted in ({"name": "halo==1.0"}, {"name": "halo", "state": "latest"}):
        assert ask_as_operator(host, "pip", **args, **wanted) == CHECK_CHECK_RUN_AGAIN
    show = "from importlib.metadata import version; print(version('halo'))"
    assert host.run("/srv/v/bin/python", "-c", show).stdout == "2.0\n"
    gone = {"name": "halo", "state": "absent", "virtualenv": "/srv/v"}
    assert ask_as_operator(host, "pip", **gone) == CHECK_CHECK_RUN_AGAIN
