"""Which commit a version is: in a checkout, and at its remote.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Dict, List, NamedTuple, Optional

from lpse_ops.agent.context import Failed
from lpse_ops.agent.gitcommands import Git


class RemoteVersion(NamedTuple):
    """What a remote has under one name: a branch, a tag (what it is a tag of), or neither."""

    branch: Optional[str] = None
    tag: Optional[str] = None

    @property
    def is_named(self) -> bool:
        return bool(self.branch or self.tag)


def read_remote_version(git: Git, remote: str, version: str) -> RemoteVersion:
    """Ask a remote, by its name or its URL, what it calls ``version``."""
    branch, tag = f"refs/heads/{version}", f"refs/tags/{version}"
    found = _read_refs(git, remote, [branch, tag, tag + "^{}"])
    return RemoteVersion(found.get(branch), found.get(tag + "^{}") or found.get(tag))


def read_remote_head(git: Git, remote: str) -> Optional[str]:
    """The commit that a remote has checked out."""
    return _read_refs(git, remote, ["HEAD"]).get("HEAD")


def _read_refs(git: Git, remote: str, names: List[str]) -> Dict[str, str]:
    lines = git.lines("ls-remote", "--", remote, *names)
    pairs = [line.split("\t", 1) for line in lines if "\t" in line]
    return {name: digest for digest, name in pairs}


def read_head_branch(git: Git, remote: str) -> str:
    """The branch that a checkout is on; when it is on none, the one that its remote is on."""
    here = git.try_run("symbolic-ref", "--quiet", "--short", "HEAD")
    if here.rc == 0:
        return here.stdout.strip()
    there = git.try_run("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    if there.rc == 0:
        return there.stdout.strip().partition(f"refs/remotes/{remote}/")[2]
    for line in git.lines("ls-remote", "--symref", "--", remote, "HEAD"):
        if line.startswith("ref: refs/heads/"):
            return line.split("\t")[0][len("ref: refs/heads/") :]
    raise Failed(f"the remote {remote} has no branch checked out; version: NAME says which one")


def read_commit(git: Git, name: str = "HEAD") -> Optional[str]:
    """The commit that a name is in a checkout, None if it is not there."""
    found = git.try_run("rev-parse", "--verify", "--quiet", name + "^{commit}")
    return found.stdout.strip() if found.rc == 0 else None


def is_local_branch(git: Git, name: str) -> bool:
    return git.try_run("show-ref", "--verify", "--quiet", f"refs/heads/{name}").rc == 0


def find_git_dir(dest: str, *, bare: bool) -> str:
    """Where the repository of a checkout is, or would be; ``ValueError`` if that is nowhere."""
    path = dest if bare else os.path.join(dest, ".git")
    if not os.path.isfile(path):
        return path
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        words, _, place = file.read().rstrip().partition("gitdir: ")
    if words or not place:
        raise ValueError(f"{path} does not say where the repository is")
    found = os.path.join(dest, place)
    if not os.path.isdir(found):
        raise ValueError(f"{found} is not a directory")
    return found
