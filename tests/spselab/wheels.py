"""A wheelhouse of this tree: its own wheel and all that it needs, for closed networks.

``find_wheels`` gives the folder for the role ``backup_client``.  It is kept in the cache; the
libraries by a hash of what asks for them, our own wheel by a hash of what is in it.
``python -m tests.spselab.wheels`` prints the folder.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.cached import cache_folder, locked

ROOT = Path(__file__).parents[2]
# What a build reads.
_SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "ansible.cfg")
_TREES = ("lpse_ops", "roles", "playbooks", "inventory")
_LEFT_OUT = ("__pycache__", ".ruff_cache", ".mypy_cache", "*.egg-info", "*.pyc")
_KEPT_SECONDS = 2 * 24 * 3600


def find_wheels(root: Path = ROOT) -> Path:
    """Return a folder with the wheels; the first one to ask builds it, others wait."""
    cache = cache_folder("wheels")
    project = (root / "pyproject.toml").read_bytes()
    python = f"{platform.python_implementation()} {sys.version_info[:2]} {platform.machine()}"
    libraries = cache / f"libraries-{digest([project, python.encode()])}"
    with locked(cache):
        own = cache / f"wheels-{digest(parts_of(root, [libraries.name]))}"
        if not own.is_dir():
            _build(root, own, libraries)
        for folder in (own, libraries):
            os.utime(folder)
        _remove_old(cache)
    return own


def digest(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(b"%d:" % len(part) + part)
    return found.hexdigest()[:16]


def parts_of(root: Path, first: Sequence[str]) -> list[bytes]:
    """Name and content of every file that a build reads."""
    parts = [name.encode() for name in first]
    for file in sorted(_files(root)):
        content = os.readlink(file).encode() if file.is_symlink() else file.read_bytes()
        parts += [file.relative_to(root).as_posix().encode(), content]
    return parts


def _files(root: Path) -> Iterable[Path]:
    yield from (root / name for name in _SOURCES if (root / name).is_file())
    for tree in _TREES:
        for file in (root / tree).rglob("*"):
            names = file.relative_to(root).parts
            # The links of lpse_ops/shipped lead to folders, and out of it.
            is_content = file.is_file() or file.is_symlink()
            if is_content and not any(Path(n).match(p) for n in names for p in _LEFT_OUT):
                yield file


def _build(root: Path, own: Path, libraries: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="new-", dir=own.parent) as scratch:
        source, wheels = Path(scratch) / "source", Path(scratch) / "wheels"
        # Not in the tree itself: a build leaves folders there, and reads what an older one left.
        for file in _files(root):
            copy = source / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy, follow_symlinks=False)
        if libraries.is_dir():
            _pip_wheel(source, wheels, "--no-deps")
            shutil.copytree(libraries, wheels, copy_function=os.link, dirs_exist_ok=True)
        else:
            _pip_wheel(source, wheels)
            young = Path(scratch) / "libraries"
            shutil.copytree(
                wheels, young, copy_function=os.link, ignore=shutil.ignore_patterns("lpse_ops-*")
            )
            young.rename(libraries)
        wheels.rename(own)


def _pip_wheel(source: Path, target: Path, *options: str) -> None:
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    argv += [*options, "--wheel-dir", str(target), str(source)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"pip wheel: {done.stderr}")


def _remove_old(cache: Path) -> None:
    """Remove what nobody asked for lately; trees of others may still be in use."""
    for folder in cache.glob("*-*"):
        if folder.is_dir() and folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
            shutil.rmtree(folder)


if __name__ == "__main__":
    print(find_wheels())
