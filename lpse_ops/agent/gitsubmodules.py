"""The submodules of a checkout of git: brought to what the checkout, or their branch, says.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Dict, List

from lpse_ops.agent.context import Failed
from lpse_ops.agent.gitcommands import Git


def update_submodules(git: Git, dest: str, *, track: bool, force: bool) -> bool:
    """Bring all submodules to their commits; True if any was another one or not there."""
    if not os.path.exists(os.path.join(dest, ".gitmodules")):
        return False
    before = read_submodules(git)
    # A submodule that is not there, or at another commit, is marked in front.
    if not track and not is_behind(before, dest):
        return False
    git.run("submodule", "sync")
    words = ["submodule", "update", "--init", "--recursive"]
    words += ["--remote"] if track else []
    words += ["--force"] if force else []
    finished = git.try_run(*words)
    if finished.rc != 0:
        raise Failed(
            f"Failed to init/update submodules: {finished.stdout}{finished.stderr}", rc=finished.rc
        )
    return read_submodules(git) != before


def read_submodules(git: Git) -> Dict[str, str]:
    """Path -> mark and commit, as ``git submodule status`` has them."""
    found = {}
    for line in git.lines("submodule", "status", "--recursive"):
        commit, _, rest = line[1:].partition(" ")
        found[rest.partition(" (")[0]] = line[:1] + commit
    return found


def is_behind(found: Dict[str, str], dest: str) -> bool:
    """Whether a submodule is not at its commit, or has no repository at all."""
    paths: List[str] = [path for path, state in found.items() if not state.startswith(" ")]
    missing = [path for path in found if not os.path.exists(os.path.join(dest, path, ".git"))]
    return bool(paths or missing)
