"""The source distribution of the ansible-core that is installed here, for its integration targets.

pip fetches it, through the machine's own index, into a cache outside the tree; nothing of it is
ever copied into the tree.  ``python -m tests.targets.sdist`` fetches it and prints the folder.
"""

import importlib.metadata
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.cached import cache_folder, locked


def find_integration() -> Path:
    """The folder ``test/integration`` of the unpacked distribution; later calls find it cached."""
    version = importlib.metadata.version("ansible-core")
    cache = cache_folder("ansible-core")
    unpacked = cache / version
    with locked(cache):
        if not unpacked.is_dir():
            _fetch(version, unpacked)
    return unpacked / f"ansible_core-{version}" / "test" / "integration"


def _fetch(version: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive = _download(version, Path(scratch))
        unpacked = Path(scratch) / "unpacked"
        unpack(archive, unpacked)
        unpacked.rename(target)


def _download(version: str, folder: Path) -> Path:
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    argv += ["--no-binary", ":all:", f"ansible-core=={version}"]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = list(folder.glob("ansible_core-*.tar.gz"))
    if done.returncode != 0 or len(found) != 1:
        raise RuntimeError(f"pip cannot download ansible-core {version}: {done.stderr}")
    return found[0]


def unpack(archive: Path, target: Path) -> None:
    """Unpack; a member that leads out of ``target``, or is no plain file, raises."""
    with tarfile.open(archive) as file:
        file.extractall(target, filter="data")


if __name__ == "__main__":
    print(find_integration())
