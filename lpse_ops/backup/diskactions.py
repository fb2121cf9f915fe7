"""Mount a portable disk, unmount it, and name the processes that are in the way."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lpse_ops.backup.diskdevices import find_program
from lpse_ops.backup.diskmounts import parse_mounts
from lpse_ops.errors import StorageError
from lpse_ops.process import Finished, run

# What lies on a disk that was elsewhere may not become a program or a device of this machine.
_OPTIONS = "nosuid,nodev,noexec"
_SHOWN = 10
_HINT = "run as root: sudo lpse-ops backup disk ..."


class User(NamedTuple):
    """A process that uses a file system."""

    pid: int
    name: str


def mount_device(device: str, point: Path) -> None:
    """Mount at a folder, which is made; one that holds anything is refused."""
    with device_mounted(device, point):
        pass


@contextlib.contextmanager
def device_mounted(device: str, point: Path) -> Iterator[None]:
    """The same; when the block fails, the device is unmounted again.

    Nor does a folder stay behind then that looks like a mount point.
    """
    with contextlib.ExitStack() as undo:
        _make_empty(point, undo)
        _mount(device, point)
        undo.callback(_unmount_again, point)
        yield
        undo.pop_all()


def _make_empty(point: Path, undo: contextlib.ExitStack) -> None:
    try:
        for folder in reversed([each for each in (point, *point.parents) if not each.exists()]):
            folder.mkdir()
            undo.callback(_remove_empty, folder)
        is_empty = not any(point.iterdir())
    except OSError as error:
        raise StorageError(f"cannot use {point}: {error.strerror}", hint=_HINT) from error
    if not is_empty:
        raise StorageError(
            f"{point} is not empty: what is in it would be hidden by the disk",
            hint=f"see what it is (ls -la {point}), move it away, or choose another folder",
        )


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _unmount_again(point: Path) -> None:
    # What was wrong before is told.
    with contextlib.suppress(StorageError):
        unmount(point)


def _mount(device: str, point: Path) -> None:
    options = ["-o", _OPTIONS, device, str(point)]
    done = _run("mount", *options)
    if done.status != 0 and find_program("mount.exfat-fuse"):
        # Debian's package does not call its program as mount looks for it.
        again = _run("mount", "-t", "exfat-fuse", *options)
        done = again if again.status == 0 else done
    if done.status != 0:
        raise StorageError(
            f"cannot mount {device} at {point}: {_reason(done)}",
            hint="an empty disk is made ready by lpse-ops backup disk init --format-as ext4; exFAT "
            "wants the package exfat-fuse or a newer kernel, NTFS wants ntfs-3g; a disk that was "
            "pulled out wants fsck first; see dmesg",
        )


def unmount(point: Path) -> None:
    """Write everything to the disk and unmount it; never by force."""
    synced = _run("sync", "--file-system", str(point))
    if synced.status != 0:
        raise StorageError(
            f"cannot write everything to the disk at {point}: {_reason(synced)}",
            hint="do not pull it out yet: see dmesg for errors of the disk",
        )
    done = _run("umount", str(point))
    if done.status == 0:
        return
    users = list(find_users(point))
    if users:
        names = ", ".join(f"{user.name} ({user.pid})" for user in users[:_SHOWN])
        raise StorageError(
            f"the disk at {point} is in use by {names}",
            hint="end these programs, or leave the folder with cd, and run the command again",
        )
    raise StorageError(f"cannot unmount {point}: {_reason(done)}", hint=_HINT)


def ensure_released(device: str, patience_seconds: float = 5) -> None:
    """Raise if an unmounted device is still in use: mounted in a container, for example.

    What was written may not be on the disk before it is unmounted there, too.
    """
    deadline = time.monotonic() + patience_seconds
    # The program behind a FUSE file system ends a moment after it is unmounted.
    while not _is_released(device):
        if time.monotonic() > deadline:
            holders = ", ".join(f"{each.name} ({each.pid})" for each in find_holders(device))
            raise StorageError(
                f"{device} is unmounted, but still in use by {holders or 'another program'}",
                hint="do not pull it out yet: is it mounted in a container? nsenter -t PID -m "
                "findmnt shows it, nsenter -t PID -m umount POINT ends it",
            )
        time.sleep(0.05)


def _is_released(device: str) -> bool:
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        return error.errno != errno.EBUSY
    try:
        # Not every file system empties the disk's own cache when it is unmounted.
        os.fsync(descriptor)
    except OSError as error:
        raise StorageError(
            f"cannot write everything to {device}: {error.strerror}",
            hint="what was written last may be lost: see dmesg for errors of the disk",
        ) from error
    finally:
        os.close(descriptor)
    return True


def find_holders(device: str, proc: Path = Path("/proc")) -> list[User]:
    """For each mount namespace that still has the device mounted, one of its processes."""
    status = os.stat(device)
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    found: dict[str, User] = {}
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdecimal()):
        folder = proc / str(pid)
        with contextlib.suppress(OSError):
            namespace = os.readlink(folder / "ns" / "mnt")
            if namespace not in found:
                mounts = parse_mounts((folder / "mountinfo").read_text(errors="replace"))
                if any(each.device == number for each in mounts):
                    name = (folder / "comm").read_text(errors="replace").strip()
                    found[namespace] = User(pid, name)
    return list(found.values())


def find_users(point: Path, proc: Path = Path("/proc")) -> Iterator[User]:
    """Processes that stand in a file system, run from it or have a file of it open."""
    pids = sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    for pid in pids:
        folder = proc / str(pid)
        if any(Path(path).is_relative_to(point) for path in _used_paths(folder)):
            with contextlib.suppress(OSError):
                yield User(pid, (folder / "comm").read_text(errors="replace").strip())


def _used_paths(folder: Path) -> Iterator[str]:
    """Where the links of a process lead; a process that ends meanwhile has none."""
    links = [folder / name for name in ("cwd", "root", "exe")]
    with contextlib.suppress(OSError):
        links += [folder / "fd" / name for name in os.listdir(folder / "fd")]
    for link in links:
        with contextlib.suppress(OSError):
            yield os.readlink(link)


def _run(name: str, *arguments: str) -> Finished:
    program = find_program(name)
    if program is None:
        raise StorageError(
            f"there is no program {name} on this machine", hint="apt install mount coreutils"
        )
    return run([program, *arguments])


def _reason(done: Finished) -> str:
    lines = [line.strip() for line in done.stderr.strip().splitlines()]
    # After its reason, mount gives the advice that the hint gives, too.
    reasons = [line for line in lines if not line.startswith("dmesg(1)")]
    return reasons[-1] if reasons else f"it ended with {done.status}"
