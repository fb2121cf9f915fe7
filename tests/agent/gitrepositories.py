"""Real repositories of git for tests, and a web server that has them behind a password."""

import base64
import functools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.agent.webserver import PASSWORD, USER, running

_WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "Sari"),
        ("EMAIL", "sari@example.id"),
        ("DATE", "1700000000 +0800"),
    )
}


def git(folder: Path, *words: str) -> str:
    """Run git as somebody without any settings of his own."""
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *words],
        cwd=folder,
        env={**os.environ, **_WHO, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def commit(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "-qm", f"{name}: {text}")
    return git(folder, "rev-parse", "HEAD")


class Repositories:
    """``origin`` is a repository, ``behind`` a checkout of what it was before its last commits.

    It has the branches main and devel and the tags v1 (annotated), v2 and light; ``first`` and
    ``last`` are commits of main.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.origin = top / "origin"
        self.origin.mkdir()
        git(self.origin, "init", "-q")
        self.first = commit(self.origin, "a", "1\n")
        git(self.origin, "tag", "-a", "v1", "-m", "one")
        git(self.origin, "tag", "light")
        self.behind = self.checkout("behind")
        git(self.origin, "checkout", "-qb", "devel")
        self.devel = commit(self.origin, "d", "devel\n")
        git(self.origin, "checkout", "-q", "main")
        self.middle = commit(self.origin, "a", "2\n")
        git(self.origin, "tag", "v2")
        self.last = commit(self.origin, "b", "3\n")
        self.now = self.checkout("now")

    def checkout(self, name: str, *words: str) -> Path:
        git(self.top, "clone", "-q", *words, f"file://{self.origin}", name)
        return self.top / name


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        words = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.path.startswith("/private") and self.headers["Authorization"] != f"Basic {words}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *words: Any) -> None:
        """Nothing: nobody reads it."""


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """The bare repositories of a folder on the web; what is in ``private`` wants a password."""
    handler = functools.partial(_Handler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def publish(source: Path, bare: Path) -> None:
    """Make a bare repository that any web server can hand out."""
    git(source, "clone", "-q", "--bare", str(source), str(bare))
    git(bare, "update-server-info")
