"""What the trees of side-by-side cases are made of."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Make = Callable[[Path], Any]


def having(**files: str) -> Make:
    """A tree of text files, mode 0644."""

    def make(root: Path) -> None:
        for name, text in files.items():
            path = root / name
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
            path.chmod(0o644)

    return make


def also(*makes: Make) -> Make:
    def make(root: Path) -> None:
        for each in makes:
            each(root)

    return make


def folders(*names: str) -> Make:
    def make(root: Path) -> None:
        for name in names:
            (root / name).mkdir(parents=True)
            (root / name).chmod(0o755)

    return make


def link(name: str, target: str) -> Make:
    return lambda root: os.symlink(target.replace("ROOT", str(root)), root / name)


def mode(name: str, bits: int) -> Make:
    return lambda root: (root / name).chmod(bits)
