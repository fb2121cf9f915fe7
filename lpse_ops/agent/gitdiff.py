"""What an update of a checkout of git changes, also before it is made.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict

from lpse_ops.agent.context import Context
from lpse_ops.agent.gitcheckout import Source
from lpse_ops.agent.gitcommands import Git
from lpse_ops.agent.gitrefs import read_commit


def with_diff(result: Dict[str, Any], git: Git, source: Source, context: Context) -> Dict[str, Any]:
    """The result, with what is new between ``before`` and ``after`` if anybody wants to see it."""
    before, after = result["before"], result["after"]
    if not context.diff_mode or before == after:
        return result
    if before is None:
        return dict(result, diff={"prepared": f">> Newly checked out {after}"})
    if context.check_mode and not read_commit(git, after):
        git = _borrow(git, source, context)
    shown = git.try_run("diff", before, after)
    if shown.rc == 0:
        nothing = f">> No visual differences between {before} and {after}"
        return dict(result, diff={"prepared": shown.stdout or nothing})
    text = f">> Failed to get proper diff between {before} and {after}:\n>> {shown.stderr}"
    return dict(result, diff={"prepared": text})


def _borrow(git: Git, source: Source, context: Context) -> Git:
    """A scratch repository with the new commits, and with all that the checkout has."""
    scratch = os.path.join(context.temporary_folder(), "scratch.git")
    objects = git.run("rev-parse", "--git-path", "objects").strip()
    where = git.run("rev-parse", "--show-cdup").strip() if not os.path.isabs(objects) else ""
    git.run("init", "--quiet", "--bare", scratch)
    place = os.path.abspath(os.path.join(git.folder or ".", where, objects))
    borrowed = git.at(scratch, GIT_ALTERNATE_OBJECT_DIRECTORIES=place)
    borrowed.try_run("fetch", "--quiet", "--", source.repo, source.version)
    return borrowed
