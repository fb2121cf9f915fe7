"""The places of an SPSE server below a folder of ours, and lpse-ops at work in them."""

import contextlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpse_ops.cli.main import run
from lpse_ops.cli.wiring import App
from tests.cli.commands import Ended, lpse_ops
from tests.spse.archives import NEW_LAYOUT, application, folder, tar, write

# An account that every Debian has, with a group of its own.
ACCOUNT = "games"
AS_ACCOUNT = ["setpriv", "--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]
CONFIGURATION = "conf/application.conf"


def run_here(*args: str | Path, environment: Mapping[str, str]) -> Ended:
    """Run lpse-ops in this process, which spares all the imports at each call."""
    stdout, stderr = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    app = App(environment=environment, stderr=stderr)
    with contextlib.redirect_stdout(stdout), contextlib.chdir("/"):
        code = run([*map(str, args)], app)
        stdout.flush()
    answer = stdout.buffer.getvalue().decode()  # type: ignore[attr-defined]
    return Ended(code, answer, stderr.getvalue())


class SpseHost:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.releases = root / "opt/spse/releases"
        self.link = root / "home/appserv/spse"
        self.state = root / "state"
        self.link.parent.mkdir(parents=True)
        # pytest's own folders let nobody else in.
        for each in (root, *list(root.parents)[:2]):
            each.chmod(0o755)

    @property
    def files(self) -> Path:
        return self.state / "upgrade/files"

    def spse(self, *args: str | Path, stdin: str = "") -> Ended:
        """A command that needs no places, or is given its own; in this process, unless it reads."""
        environment = {"LPSE_OPS_STATE": str(self.state)}
        if stdin:
            return lpse_ops("spse", *args, env=environment, stdin=stdin)
        return run_here("spse", *args, environment=environment)

    def at_places(self, *args: str | Path, stdin: str = "") -> Ended:
        return self.spse(*args, "--releases", self.releases, "--link", self.link, stdin=stdin)

    def release(self, command: str, *args: str | Path) -> Ended:
        return self.at_places("release", command, *args)

    def unpack(self, archive: Path, *args: str | Path) -> Ended:
        places = ("--releases", self.releases, "--account", ACCOUNT)
        return self.spse("release", "unpack", archive, *places, *args)

    def package(self, version: str, files: Mapping[str, bytes] | None = None) -> Path:
        """A package whose files are those of the toy, and these."""
        layout = {**NEW_LAYOUT, **(files or {})}
        members = [folder("spse/logs"), *application(layout=layout)]
        return write(self.root, tar(members), f"spse-{version}.tar")

    def install(self, version: str, files: Mapping[str, bytes] | None = None) -> Path:
        """Unpack a package and return its folder."""
        ended = self.unpack(self.package(version, files))
        assert ended.code == 0, ended.stderr
        return self.releases / version

    def make_current(self, version: str) -> None:
        assert self.release("switch", version).code == 0

    def write_private(self, name: str, content: str) -> Path:
        path = self.root / name
        path.write_text(content)
        path.chmod(0o600)
        return path

    def leave_upgrade(self, **changes: object) -> Path:
        """What the step runner leaves of one."""
        upgrade = self.state / "upgrade"
        upgrade.mkdir(parents=True, exist_ok=True)
        value: dict[str, Any] = {
            "format": 1,
            "stamp": "20261122T021500Z_ab12",
            "plan": {
                "id": "2026-11-22-4.5",
                "from": {"version": "4.4", "release": str(self.releases / "4.4")},
                "to": {"version": "4.5", "release": str(self.releases / "4.5")},
                "backup": {},
            },
            "begun": "2026-11-22T02:15:00Z",
            "direction": "forward",
            "outcome": None,
            "steps": [],
        }
        path = upgrade / "state.json"
        path.write_text(json.dumps(value | changes))
        path.chmod(0o600)
        return path


def is_root() -> bool:
    return os.geteuid() == 0
