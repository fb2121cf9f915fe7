"""Collections that carry modules which ansible-core does not: of PyPI's package ``ansible``.

pip fetches it, through the machine's own index, into a cache outside the tree; nothing of it is
ever copied into the tree.  ``python -m tests.agent.peercollections`` prints the folder.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.cached import cache_folder, locked

# The release that goes with ansible-core 2.19.
_ANSIBLE = "ansible>=12,<13"
_WANTED = ("ansible/posix", "community/general", "community/postgresql")


def find_collections() -> Path:
    """The folder for ``ANSIBLE_COLLECTIONS_PATH`` and ``PYTHONPATH``; later calls find it cached.

    Only the collections named above are in it.
    """
    cache = cache_folder("collections")
    folder = cache / "12"
    with locked(cache):
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _fetch(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        argv += ["--only-binary", ":all:", "--dest", scratch, _ANSIBLE]
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        wheels = list(Path(scratch).glob("ansible-*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise RuntimeError(f"pip cannot download {_ANSIBLE}: {done.stderr}")
        unpacked = Path(scratch) / "unpacked"
        with zipfile.ZipFile(wheels[0]) as wheel:
            names = [name for name in wheel.namelist() if _is_wanted(name)]
            wheel.extractall(unpacked, names)
        unpacked.rename(target)


def _is_wanted(name: str) -> bool:
    return any(name.startswith(f"ansible_collections/{each}/") for each in _WANTED)


if __name__ == "__main__":
    print(find_collections())
