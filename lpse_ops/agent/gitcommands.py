"""The program ``git``: how it is run, and how it reaches a remote.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  A password of
a URL goes to git through its environment: the process list and ``.git/config`` never have it.
"""

import os
import shlex
import urllib.parse
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from lpse_ops.agent.commands import Finished, english, run_command
from lpse_ops.agent.context import Context, Failed

# Git asks it for "Username for ..." and then for "Password for ...".
_ASKPASS = """#!/bin/sh
case "$1" in
Username*) printf '%s\\n' "$LPSE_OPS_GIT_USERNAME" ;;
*) printf '%s\\n' "$LPSE_OPS_GIT_PASSWORD" ;;
esac
"""


class Address(NamedTuple):
    """Where a repository is, and who we are there."""

    url: str
    username: Optional[str] = None
    password: Optional[str] = None


def parse_address(repo: str) -> Address:
    """Take the credentials out of a URL; a path becomes a URL, which ``depth`` needs."""
    expanded = os.path.expanduser(repo)
    return Address(f"file://{expanded}") if expanded.startswith("/") else _split_url(repo)


def is_same_address(first: Optional[str], second: str) -> bool:
    """Whether two ways to write it mean one repository; credentials do not count."""
    if first is None:
        return False
    urls = [_split_url(each).url for each in (first, second)]
    return urls[0] == urls[1] or os.path.realpath(urls[0]) == os.path.realpath(urls[1])


def _split_url(repo: str) -> Address:
    try:
        parts = urllib.parse.urlsplit(repo)
    except ValueError:
        return Address(repo)
    words, at, place = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not at:
        return Address(repo)
    name, _, secret = words.partition(":")
    url = urllib.parse.urlunsplit(parts._replace(netloc=place))
    return Address(url, urllib.parse.unquote(name), urllib.parse.unquote(secret))


def ssh_command(args: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The command line with which git, by a shell, starts ssh: nothing may be asked there."""
    program = environment.get("GIT_SSH") or environment.get("GIT_SSH_COMMAND") or "ssh"
    words = [program, environment.get("GIT_SSH_OPTS", ""), args["ssh_opts"] or ""]
    said = " ".join(words)
    for name, value in (("accept_hostkey", "no"), ("accept_newhostkey", "accept-new")):
        if args[name] and "StrictHostKeyChecking=" not in said:
            words.append(f"-o StrictHostKeyChecking={value}")
    if "BatchMode=" not in said:
        words.append("-o BatchMode=yes")
    if args["key_file"]:
        words.append("-i {} -o IdentitiesOnly=yes".format(shlex.quote(args["key_file"])))
    return " ".join(word for word in words if word)


def git_environment(args: Mapping[str, Any], address: Address, context: Context) -> Dict[str, str]:
    """The whole environment of git; a small program there answers who we are."""
    environment = english(os.environ)
    environment["GIT_SSH_COMMAND"] = ssh_command(args, os.environ)
    # Where there is a terminal it is not ours to ask at.
    environment.setdefault("GIT_TERMINAL_PROMPT", "0")
    if address.username is not None:
        path = os.path.join(context.temporary_folder(), "askpass")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_ASKPASS)
        os.chmod(path, 0o700)
        environment["GIT_ASKPASS"] = path
        environment["LPSE_OPS_GIT_USERNAME"] = address.username
        environment["LPSE_OPS_GIT_PASSWORD"] = address.password or ""
    return environment


class Git:
    """Runs git in one folder."""

    def __init__(
        self,
        program: str,
        environment: Mapping[str, str],
        *,
        folder: Optional[str] = None,
        umask: Optional[int] = None,
    ) -> None:
        self._program = program
        self._environment = environment
        self.folder = folder
        self._umask = umask

    def at(self, folder: str, **environment: str) -> "Git":
        """The same in another folder, with more in its environment."""
        merged = {**self._environment, **environment}
        return Git(self._program, merged, folder=folder, umask=self._umask)

    def try_run(self, *words: str) -> Finished:
        """Run it; how it ended is a value."""
        folder = self.folder if self.folder and os.path.isdir(self.folder) else None
        try:
            return run_command(
                self.argv(*words), cwd=folder, environment=self._environment, umask=self._umask
            )
        except OSError as error:
            raise Failed(f"cannot run {self._program}: {error.strerror}", rc=error.errno) from error

    def run(self, *words: str, message: Optional[str] = None) -> str:
        """What it prints; ``Failed`` with what it complains of, or with ``message`` before it."""
        finished = self.try_run(*words)
        if finished.rc == 0:
            return finished.stdout
        argv = self.argv(*words)
        if message:
            raise Failed(f"{message}: {finished.stdout} {finished.stderr}", cmd=argv)
        raise failure(finished.stderr.rstrip(), finished, argv)

    def lines(self, *words: str) -> List[str]:
        return self.run(*words).splitlines()

    def argv(self, *words: str) -> List[str]:
        return [self._program, *words]


def failure(message: str, finished: Finished, argv: List[str]) -> Failed:
    """A failed task that shows how a program ended."""
    shown = " ".join(map(shlex.quote, argv))
    streams = {"stdout": finished.stdout, "stderr": finished.stderr}
    return Failed(message, cmd=shown, rc=finished.rc, **streams)
