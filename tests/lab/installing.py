"""Our own program in a host: the modules of this environment, for the host's own Python.

The host has Debian's Python 3.11; libraries with compiled parts fit it if this is a 3.11 too.
"""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from tests.lab.lab import Host

_ROOT = Path(__file__).parents[2]
_PLACE = "/usr/local/lib/python3.11/dist-packages"
_PROGRAM = "#!/usr/bin/python3 -P\nfrom lpse_ops.cli.main import main\nmain()\n"
# Large, and imported only where a repository is in S3.
_LEFT_OUT = {"boto3", "botocore", "s3transfer"}
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def install_program(host: Host) -> None:
    """Have ``lpse-ops`` in the host's /usr/bin, with all that it needs but S3."""
    if sys.version_info[:2] != (3, 11):
        raise RuntimeError("the hosts have Python 3.11: run the tests with it")
    libraries = Path(distribution("click").locate_file("")).resolve()
    names = [path for each in needed() for path in top_names(each, libraries)]
    argv = ["tar", "--create", "--exclude=__pycache__", f"--directory={libraries}", *names]
    own = [f"--directory={_ROOT}", "lpse_ops"]
    host.run("mkdir", "-p", _PLACE)
    with subprocess.Popen([*argv, *own], stdout=subprocess.PIPE) as packing:
        unpack = host.ssh_argv("tar", "--extract", f"--directory={_PLACE}")
        subprocess.run(unpack, check=True, stdin=packing.stdout)
    host.run("sh", "-c", "cat >/usr/bin/lpse-ops; chmod 755 /usr/bin/lpse-ops", stdin=_PROGRAM)


def needed() -> list[Distribution]:
    """Our dependencies and theirs, without extras."""
    found: dict[str, Distribution] = {}
    # Not from the metadata of an editable install, which may be older.
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    waiting = names_of(project["dependencies"])
    while waiting:
        name = waiting.pop()
        if name in found or name in _LEFT_OUT:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            # For another platform or Python.
            continue
        # psycopg's own libpq comes by an extra.
        waiting += names_of([each for each in found[name].requires or () if is_wanted(name, each)])
    return list(found.values())


def names_of(requirements: list[str]) -> list[str]:
    return [match[0].lower() for each in requirements if (match := _NAME.match(each))]


def is_wanted(name: str, requirement: str) -> bool:
    return "extra ==" not in requirement or (name == "psycopg" and '"binary"' in requirement)


def top_names(package: Distribution, libraries: Path) -> list[str]:
    """Files and folders of a package directly below site-packages."""
    names = {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}
    return sorted(name for name in names if (libraries / name).exists())
