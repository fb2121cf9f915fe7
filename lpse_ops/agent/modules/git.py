"""The ``git`` module: a checkout of a repository, at a version.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import shutil
from typing import Any, Dict, Optional

from lpse_ops.agent.commands import SYSTEM_FOLDERS, find_program
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.gitarchive import ensure_archive
from lpse_ops.agent.gitcheckout import Source, clone, fetch, switch, verify
from lpse_ops.agent.gitcommands import Git, git_environment, is_same_address, parse_address
from lpse_ops.agent.gitdiff import with_diff
from lpse_ops.agent.gitrefs import (
    find_git_dir,
    read_commit,
    read_head_branch,
    read_remote_head,
    read_remote_version,
)
from lpse_ops.agent.gitsubmodules import update_submodules

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "dest": {"type": "path"},
    "repo": {"type": "str", "required": True, "aliases": ["name"]},
    "version": {"type": "str", "default": "HEAD"},
    "remote": {"type": "str", "default": "origin"},
    "refspec": {"type": "str"},
    "reference": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "depth": {"type": "int"},
    "clone": {"type": "bool", "default": True},
    "update": {"type": "bool", "default": True},
    "verify_commit": {"type": "bool", "default": False},
    "gpg_allowlist": {
        "type": "list",
        "elements": "str",
        "default": [],
        "aliases": ["gpg_whitelist"],
    },
    "accept_hostkey": {"type": "bool", "default": False},
    "accept_newhostkey": {"type": "bool", "default": False},
    "key_file": {"type": "path"},
    "ssh_opts": {"type": "str"},
    "executable": {"type": "path"},
    "bare": {"type": "bool", "default": False},
    "recursive": {"type": "bool", "default": True},
    "single_branch": {"type": "bool", "default": False},
    "track_submodules": {"type": "bool", "default": False},
    "umask": {"type": "raw"},
    "archive": {"type": "path"},
    "archive_prefix": {"type": "str"},
    "separate_git_dir": {"type": "path"},
}
RULES: Dict[str, Any] = {
    "mutually_exclusive": [["separate_git_dir", "bare"], ["accept_hostkey", "accept_newhostkey"]],
    "required_by": {"archive_prefix": ["archive"]},
}
CHECK_MODE = "full"

Result = Dict[str, Any]
_MODIFIED = "Local modifications exist in the destination: "


def run(args: Dict[str, Any], context: Context) -> Result:
    """Clone or update the checkout, or only say what the remote has."""
    _refuse_options(args)
    dest = os.path.abspath(args["dest"]) if args["dest"] else None
    if not dest and args["clone"]:
        raise Failed("the destination directory must be specified unless clone=no")
    address = parse_address(args["repo"])
    source = Source(
        address.url,
        args["remote"],
        args["version"],
        args["depth"],
        args["refspec"],
        args["bare"],
        args["force"],
    )
    environment = git_environment(args, address, context)
    git = Git(_find_git(args), environment, folder=dest, umask=_parse_umask(args["umask"]))
    result: Result = {"changed": False, "before": None}
    return _ensure(git, source, dest, args, context, result)


def _ensure(
    git: Git,
    source: Source,
    dest: Optional[str],
    args: Dict[str, Any],
    context: Context,
    result: Result,
) -> Result:
    git_dir = _ensure_git_dir(dest, args, context, result) if dest else None
    if dest is None or git_dir is None or not os.path.exists(os.path.join(git_dir, "config")):
        if dest is None or context.check_mode or not args["clone"]:
            after = _remote_commit(git, source, source.repo)
            result.update(changed=True, after=after)
            return with_diff(result, git, source, context)
        warnings = clone(git, source, dest, args)
        result.update({"warnings": warnings} if warnings else {})
        if args["verify_commit"]:
            verify(git, args["version"], args["gpg_allowlist"])
        return _finish(git, source, dest, args, context, result)
    result["before"] = read_commit(git)
    if not args["update"]:
        result["after"] = result["before"]
        return _with_archive(git, dest, args, context, result)
    return _update(git, source, dest, args, context, result)


def _update(
    git: Git,
    source: Source,
    dest: str,
    args: Dict[str, Any],
    context: Context,
    result: Result,
) -> Result:
    is_modified = not source.bare and _is_modified(git, tracks=args["track_submodules"])
    if is_modified:
        if not source.force:
            raise Failed(f"{_MODIFIED}{dest} (force=no).", before=result["before"])
        result.update(changed=True, msg=f"{_MODIFIED}{dest}")
    there = git.try_run("ls-remote", "--get-url", source.remote)
    is_moved = there.rc == 0 and not is_same_address(there.stdout.rstrip("\n"), source.repo)
    result["remote_url_changed"] = is_moved
    if context.check_mode:
        remote = source.repo if is_moved else source.remote
        after = _remote_commit(git, source, remote)
        result.update(after=after)
        result["changed"] = result["changed"] or is_moved or result["before"] != after
        return with_diff(result, git, source, context)
    if is_modified:
        git.run("reset", "--hard", "HEAD")
    if is_moved:
        git.run("remote", "set-url", source.remote, source.repo, message="Failed to set a new url")
    fetch(git, source)
    result["changed"] = result["changed"] or is_moved
    return _finish(git, source, dest, args, context, result)


def _finish(
    git: Git,
    source: Source,
    dest: str,
    args: Dict[str, Any],
    context: Context,
    result: Result,
) -> Result:
    """What comes after the objects: the version, its submodules, its archive."""
    git = git.at(dest)
    if not source.bare:
        switch(git, source)
        if args["verify_commit"]:
            verify(git, args["version"], args["gpg_allowlist"])
        if args["recursive"] and update_submodules(
            git, dest, track=args["track_submodules"], force=source.force
        ):
            result.update(changed=True, submodules_changed=True)
    result["after"] = read_commit(git)
    if result["before"] != result["after"]:
        result["changed"] = True
    if result["changed"]:
        result = with_diff(result, git, source, context)
    return _with_archive(git, dest, args, context, result)


def _with_archive(
    git: Git, dest: str, args: Dict[str, Any], context: Context, result: Result
) -> Result:
    if args["archive"] and ensure_archive(git, args, context, dest):
        return dict(result, changed=True)
    return result


def _remote_commit(git: Git, source: Source, remote: str) -> str:
    """The commit that the version is at a remote; a commit is itself."""
    if source.version == "HEAD" and remote == source.repo:
        found = read_remote_head(git, remote)
    else:
        branch = read_head_branch(git, remote) if source.version == "HEAD" else source.version
        there = read_remote_version(git, remote, branch)
        found = there.branch or there.tag
        if not found and source.version != "HEAD":
            # Whether a remote has a commit cannot be asked.
            found = read_commit(git, source.version) or source.version
    if not found:
        raise Failed(f"Could not determine remote revision for {source.version}")
    return found


def _is_modified(git: Git, *, tracks: bool) -> bool:
    """Whether somebody changed a file; to follow a submodule's branch is no such change."""
    lines = git.lines("status", "--porcelain", *(["--ignore-submodules=all"] if tracks else []))
    return any(not line.startswith("??") for line in lines)


def _ensure_git_dir(dest: str, args: Dict[str, Any], context: Context, result: Result) -> str:
    """Where the repository is, after it was moved to ``separate_git_dir`` if need be."""
    try:
        git_dir = find_git_dir(dest, bare=args["bare"])
    except (OSError, ValueError) as error:
        raise Failed(
            "Current repo does not have a valid reference to a separate Git dir or it refers to "
            "the invalid path",
            details=str(error),
        ) from error
    asked: Optional[str] = args["separate_git_dir"]
    separate = os.path.realpath(asked) if asked else None
    if separate is None or not os.path.exists(git_dir) or os.path.realpath(git_dir) == separate:
        return git_dir
    result["changed"] = True
    if os.path.exists(separate):
        raise Failed(f"Separate-git-dir path {separate} already exists.")
    if context.check_mode:
        return git_dir
    shutil.move(git_dir, separate)
    with open(os.path.join(dest, ".git"), "w", encoding="utf-8") as file:
        file.write(f"gitdir: {separate}")
    result.update(git_dir_before=git_dir, git_dir_now=separate)
    return separate


def _refuse_options(args: Dict[str, Any]) -> None:
    for name in ("repo", "version", "remote", "refspec"):
        if (args[name] or "").startswith("-"):
            raise Failed(f"{name} must not start with -: git would take it for an option")


def _find_git(args: Dict[str, Any]) -> str:
    found: Optional[str] = args["executable"] or find_program("git")
    if not found:
        folders = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
        raise Failed(f'Failed to find required executable "git" in paths: {folders}')
    return found


def _parse_umask(umask: Any) -> Optional[int]:
    if umask is None:
        return None
    if not isinstance(umask, str):
        raise Failed("umask must be defined as a quoted octal integer")
    try:
        return int(umask, 8)
    except ValueError as error:
        raise Failed("umask must be an octal integer", details=str(error)) from error
