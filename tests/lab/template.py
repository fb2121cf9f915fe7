"""Disks that hosts begin with instead of the bare base: what somebody installed, kept as a layer.

A template is the upper layer of a host that was shut down in good order.  It lies between the
base, whose files it does not repeat, and what a new host writes; maybe with another one below it.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.lab.base import cache_folder, find_base
from tests.lab.lab import Host, open_lab

# With that many others kept, work on one branch does not cost another one its templates.
_KEPT_OTHERS = 3


def find_template(
    name: str, recipe: str, build: Callable[[Host], None], *, below: Path | None = None
) -> Path:
    """Return the cached layer; the first one to ask builds it on a fresh host, others wait.

    ``recipe`` tells all that ``build`` depends on; base and template below are seen to here.
    """
    lowest = [find_base().name, below.name if below else ""]
    mark = hashlib.sha256("\n".join([*lowest, recipe]).encode()).hexdigest()[:12]
    layer = cache_folder() / f"template-{name}-{mark}"
    with _lock(cache_folder() / f"template-{name}.build"):
        if not layer.is_dir():
            with open_lab() as lab:
                [host] = lab.up("template", template=below)
                build(host)
                host.off()
                host.keep(layer, below=below)
        os.utime(layer)
        _remove_others(layer, f"template-{name}-*")
    return layer


def hold_template(layer: Path) -> int:
    """Keep the layer from being removed, as long as the returned file is open."""
    file = os.open(_lock_file(layer), os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def forget_machine(layer: Path) -> None:
    """Take out what a host makes for itself or must not have in common with others.

    What is gone from a layer is seen as it is in the base.
    """
    for pattern in (
        "etc/.pwd.lock",
        "etc/apt/apt.conf.d/90lab",
        "etc/hostname",
        "etc/hosts",
        "etc/machine-id",
        "etc/ssh/ssh_host_*",
        "home/*/.ssh",
        "root/.ssh",
        "run",
        "tmp/*",
        "var/lib/dbus/machine-id",
        "var/lib/systemd/random-seed",
        "var/log/journal/*",
        "var/tmp/*",
    ):
        for path in layer.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def layers_of(template: Path) -> list[Path]:
    """The template and what is below it, topmost first."""
    file = _below_file(template)
    return [template, *(layers_of(Path(file.read_text())) if file.exists() else [])]


def copy_layer(upper: Path, layer: Path, below: Path | None) -> None:
    """Copy with owners, links, whiteouts and the marks of overlayfs; half a copy has no name."""
    young = layer.with_name(f"new-{layer.name}-{os.getpid()}")
    if below:
        _below_file(layer).write_text(str(below))
    try:
        subprocess.run(["cp", "--archive", upper, young], check=True)
        forget_machine(young)
        young.rename(layer)
    finally:
        shutil.rmtree(young, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_file(layer: Path) -> Path:
    return layer.with_name(f"{layer.name}.lock")


def _below_file(layer: Path) -> Path:
    return layer.with_name(f"{layer.name}.below")


def _remove_others(layer: Path, pattern: str) -> None:
    """Remove layers of older recipes, but for the last ones and those that hosts still run on."""
    others = [path for path in layer.parent.glob(pattern) if path.is_dir() and path != layer]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for other in others[_KEPT_OTHERS:]:
        with _lock_file(other).open("w") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other)
            _below_file(other).unlink(missing_ok=True)
            _lock_file(other).unlink()
