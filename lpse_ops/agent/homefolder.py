"""A home folder for an account that has none: the skeleton's content, owned by the account."""

import os
import re
import shutil
from typing import Optional

from lpse_ops.agent.facts.hostfiles import read_text

_SKELETON = "/etc/skel"


def make_home(
    home: str, uid: int, gid: int, *, skeleton: Optional[str] = None, umask: Optional[str] = None
) -> None:
    """Make the folder with its parents, copy the skeleton and hand all of it over."""
    source = skeleton or _SKELETON
    if os.path.isdir(source):
        os.makedirs(os.path.dirname(home.rstrip("/")) or "/", exist_ok=True)
        shutil.copytree(source, home, symlinks=True)
    else:
        os.makedirs(home)
    os.chmod(home, 0o777 & ~int(umask or read_umask(), 8))
    for folder, folders, files in os.walk(home):
        for name in [*folders, *files]:
            os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)
    os.chown(home, uid, gid)


def read_umask(path: str = "/etc/login.defs") -> str:
    """The umask of new homes in octal, as useradd takes it; HOME_MODE wins where it is set."""
    text = read_text(path)
    mode = re.search(r"^\s*HOME_MODE\s+([0-7]+)", text, re.MULTILINE)
    if mode:
        return f"{0o777 & ~int(mode.group(1), 8):o}"
    umask = re.search(r"^\s*UMASK\s+([0-7]+)", text, re.MULTILINE)
    return umask.group(1) if umask else "022"
