"""A checkout of git made, fetched into, and switched to another version.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.context import Failed
from lpse_ops.agent.gitcommands import Git, failure
from lpse_ops.agent.gitrefs import (
    RemoteVersion,
    is_local_branch,
    read_head_branch,
    read_remote_version,
)


class Source(NamedTuple):
    """What a task wants from where, in the words of its arguments; ``repo`` has no password."""

    repo: str
    remote: str
    version: str
    depth: Optional[int]
    refspec: Optional[str]
    bare: bool
    force: bool


def clone(git: Git, source: Source, dest: str, args: Dict[str, Any]) -> List[str]:
    """Make the repository with its checkout; return warnings."""
    folder = os.path.dirname(dest)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Failed(f"cannot make {folder}: {error.strerror}") from error
    there = read_remote_version(git, source.repo, source.version)
    words, warnings = ["clone"], []
    words += ["--bare"] if source.bare else ["--origin", source.remote]
    if source.depth and (source.version == "HEAD" or source.refspec):
        words += ["--depth", str(source.depth)]
    elif source.depth and there.is_named:
        words += ["--depth", str(source.depth), "--branch", source.version]
    elif source.depth:
        warnings.append(
            "Ignoring depth argument. Shallow clones are only available for HEAD, branches, tags "
            "or in combination with refspec."
        )
    words += ["--reference", args["reference"]] if args["reference"] else []
    if args["single_branch"]:
        words += ["--single-branch"] + (["--branch", source.version] if there.is_named else [])
    separate = args["separate_git_dir"]
    words += [f"--separate-git-dir={os.path.realpath(separate)}"] if separate else []
    git.at(folder).run(*words, "--", source.repo, dest)
    _finish_clone(git.at(dest), source)
    return warnings


def _finish_clone(git: Git, source: Source) -> None:
    if source.bare and source.remote != "origin":
        git.run("remote", "add", source.remote, source.repo)
    if source.refspec:
        depth = ["--depth", str(source.depth)] if source.depth else []
        git.run("fetch", *depth, "--", source.remote, source.refspec)


def fetch(git: Git, source: Source) -> None:
    """Get what is new at the remote; with ``depth`` no more than the version needs."""
    names = _shallow_names(git, source) if source.depth else []
    words = ["fetch"]
    if names:
        words += ["--depth", str(source.depth)]
    else:
        if source.bare:
            names = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        else:
            words.append("--tags")
        names += [source.refspec] if source.refspec else []
    words += ["--force"] if source.force else []
    message = "Failed to download remote objects and refs"
    git.run(*words, "--", source.remote, *names, message=message)


def _shallow_names(git: Git, source: Source) -> List[str]:
    """What to ask for so that the version can be checked out; nothing if it has no name."""
    if source.refspec:
        return [source.refspec]
    if source.version == "HEAD":
        return [read_head_branch(git, source.remote)]
    there = read_remote_version(git, source.repo, source.version)
    if there.branch:
        return _branch_names(source, is_current=_is_current(git, source.version))
    return [f"+refs/tags/{source.version}:refs/tags/{source.version}"] if there.tag else []


def _is_current(git: Git, branch: str) -> bool:
    return git.try_run("symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip() == branch


def _branch_names(source: Source, *, is_current: bool) -> List[str]:
    branch = source.version
    names = [] if is_current else [f"+refs/heads/{branch}:refs/heads/{branch}"]
    return [*names, f"+refs/heads/{branch}:refs/remotes/{source.remote}/{branch}"]


def switch(git: Git, source: Source) -> None:
    """Check the version out; a local branch becomes what it is at the remote."""
    remote, version = source.remote, source.version
    if version == "HEAD":
        branch = read_head_branch(git, remote)
        _checkout(git, branch, "checkout", "--force", branch, word="branch ")
        _checkout(git, branch, "reset", "--hard", f"{remote}/{branch}", "--", word="branch ")
        return
    there: RemoteVersion = read_remote_version(git, remote, version)
    if not there.branch:
        _checkout(git, version, "checkout", "--force", version, "--")
        return
    if source.depth and not is_local_branch(git, version):
        names = _branch_names(source, is_current=False)
        message = f"Failed to fetch branch from remote: {version}"
        git.run("fetch", f"--depth={source.depth}", "--", remote, *names, message=message)
    if not is_local_branch(git, version):
        _checkout(git, version, "checkout", "--track", "-b", version, f"{remote}/{version}")
        return
    _checkout(git, version, "checkout", "--force", version, "--", word="branch ")
    _checkout(git, version, "reset", "--hard", f"{remote}/{version}", "--")


def _checkout(git: Git, version: str, *words: str, word: str = "") -> None:
    finished = git.try_run(*words)
    if finished.rc != 0:
        raise failure(f"Failed to checkout {word}{version}", finished, git.argv(*words))


def verify(git: Git, version: str, allowed: List[str]) -> None:
    """Fail unless a key that is known, or one of ``allowed``, has signed the version."""
    kind = git.try_run("cat-file", "-t", f"refs/tags/{version}").stdout.strip()
    words = ["verify-tag" if kind == "tag" else "verify-commit"]
    words += ["--raw"] if allowed else []
    finished = git.try_run(*words, version)
    argv = git.argv(*words, version)
    if finished.rc != 0:
        text = f'Failed to verify GPG signature of commit/tag "{version}"'
        raise failure(text, finished, argv)
    if allowed:
        signer = parse_fingerprint(finished.stderr)
        if signer not in allowed:
            text = f'The gpg_allowlist does not include the public key "{signer}" for this commit'
            raise failure(text, finished, argv)


def parse_fingerprint(status: str) -> Optional[str]:
    """The primary key that made a good signature, by what gpg says to programs."""
    for line in status.splitlines():
        words = line.split()
        if words[:2] == ["[GNUPG:]", "VALIDSIG"] and len(words) > 2:
            return words[11] if len(words) > 11 else words[2]
    return None
