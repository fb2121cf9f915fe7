"""A private folder that is made when first asked for, where programs may be run, and removed.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import shutil
from typing import Callable, List, Optional


class TemporaryFolder:
    """A folder with a known name, so that somebody else can remove it for a killed process."""

    def __init__(self, path: Optional[str] = None) -> None:
        self._path = path or new_path()
        self._made = False

    def path(self) -> str:
        """The folder, which exists now; only this account can enter it."""
        if not self._made:
            os.mkdir(self._path, 0o700)
            self._made = True
        return self._path

    def remove(self) -> None:
        """Remove the folder and all in it; fine if it was never made."""
        if self._made:
            shutil.rmtree(self._path, ignore_errors=True)
        self._made = False


def new_path() -> str:
    """A path that nobody can guess, where programs may be run if there is such a place."""
    return os.path.join(choose_root(candidate_roots()), new_name())


def new_name() -> str:
    return "lpse-ops-" + os.urandom(12).hex()


def candidate_roots() -> List[str]:
    """The usual places for temporary files, the best first."""
    asked = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    # Shared folders are safe: what is made there has a name of its own, and lets nobody else in.
    usual = ["/tmp", "/var/tmp", os.path.expanduser("~")]  # noqa: S108
    return [root for root in asked if root] + usual


def is_noexec(folder: str) -> bool:
    """Whether the file system of a folder refuses to run programs."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def choose_root(candidates: List[str], refuses: Callable[[str], bool] = is_noexec) -> str:
    """The first place where files may be made and run; else the first where they may be made."""
    usable = [root for root in candidates if _is_usable(root)]
    runnable = [root for root in usable if not refuses(root)]
    return (runnable + usable + ["/tmp"])[0]  # noqa: S108


def _is_usable(root: str) -> bool:
    return os.path.isabs(root) and os.path.isdir(root) and os.access(root, os.W_OK | os.X_OK)
