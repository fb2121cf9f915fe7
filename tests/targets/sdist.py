"""The source distribution of the ansible-core that is installed here, for its integration targets.

pip fetches it, through the machine's own index, into a cache outside the tree; nothing of it is
ever copied into the tree.  ``python -m tests.targets.sdist`` fetches it and prints the folder.
"""

import importlib.metadata
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.cached import cache_folder, locked
from tests.unpacking import unpack


@dataclass(frozen=True)
class Target:
    """What the distribution says of one target."""

    name: str
    aliases: tuple[str, ...]
    is_script: bool

    @property
    def gathers_facts(self) -> bool:
        return "gather_facts/no" not in self.aliases

    @property
    def environment(self) -> dict[str, str]:
        settings = (each.split("/", 3) for each in self.aliases if each.startswith("env/set/"))
        return {name: value for _, _, name, value in settings}


def load_target(integration: Path, name: str) -> Target:
    folder = integration / "targets" / name
    aliases = folder / "aliases"
    lines = aliases.read_text().splitlines() if aliases.is_file() else []
    words = (line.partition("#")[0].strip() for line in lines)
    return Target(name, tuple(filter(None, words)), (folder / "runme.sh").is_file())


def target_names(integration: Path) -> list[str]:
    """Every target of the distribution."""
    return sorted(each.name for each in (integration / "targets").iterdir() if each.is_dir())


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


if __name__ == "__main__":
    print(find_integration())
