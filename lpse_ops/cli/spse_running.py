"""Is SPSE at work, or an upgrade not over?  Then nobody may move releases about."""

import os
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.errors import PolicyRefused
from lpse_ops.spse.trustedfile import read_trusted
from lpse_ops.spse.upgradestate import MAX_BYTES, UpgradeState, parse_upgrade

_MOST_BYTES = 1 << 20


def state_file(state_folder: Path) -> Path:
    """Where the step runner keeps the state of the last upgrade."""
    return state_folder / "upgrade" / "state.json"


def load_last_upgrade(state_folder: Path) -> UpgradeState | None:
    """The last upgrade, over or not; None if there never was one."""
    path = state_file(state_folder)
    if not os.path.lexists(path):
        return None
    return parse_upgrade(read_trusted(path, MAX_BYTES), path)


def refuse_during_upgrade(state_folder: Path) -> None:
    """Raise PolicyRefused while an upgrade is not over: what it was planned with must stay."""
    last = load_last_upgrade(state_folder)
    if last is not None and not last.is_over:
        raise PolicyRefused(
            f"the upgrade {last.plan_id} is not over: it stands in {state_file(state_folder)}",
            hint="go on with it: lpse-ops spse upgrade --resume, or lpse-ops spse rollback",
        )


def refuse_while_running(
    state_folder: Path, link: Path, releases: Path, *, also_of_root: bool = False
) -> None:
    """The same, and if the application runs; ``also_of_root``: one that was started by hand."""
    refuse_during_upgrade(state_folder)
    folders = {str(link.absolute()), str(releases.absolute())}
    for number in find_processes(folders, also_of_root=also_of_root):
        raise PolicyRefused(
            f"SPSE is running: process {number} works in {' or '.join(sorted(folders))}",
            hint="stop it: systemctl stop spse; to bring in another release: lpse-ops spse upgrade",
        )


def find_processes(folders: set[str], *, also_of_root: bool = False) -> Iterator[int]:
    """Processes whose place or program is below one of the folders; never who called us."""
    ours = set(_callers())
    for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        try:
            is_asked = also_of_root or os.stat(f"/proc/{name}").st_uid != 0
            if is_asked and int(name) not in ours and _works_in(name, folders):
                yield int(name)
        except OSError:
            # It has ended meanwhile.
            continue


def _callers() -> Iterator[int]:
    number = os.getpid()
    while number > 0:
        yield number
        with open(f"/proc/{number}/stat", "rb") as stream:
            # The name before the last bracket may be anything.
            number = int(stream.read().rpartition(b")")[2].split()[1])


def _works_in(name: str, folders: set[str]) -> bool:
    with open(f"/proc/{name}/cmdline", "rb") as stream:
        words = stream.read(_MOST_BYTES).decode("utf-8", "replace").split("\0")
    place = os.readlink(f"/proc/{name}/cwd")
    return any(
        f"{place}/".startswith(f"{folder}/") or any(f"{folder}/" in word for word in words)
        for folder in folders
    )
