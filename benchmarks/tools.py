"""The two tools and how each of them is told to do the same thing, with its own defaults."""

import os
import sys
from collections.abc import Mapping
from compileall import compile_dir
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import lpse_ops
from tests.restic_binaries import find_restics

PASSWORD = "benchmark"
OPERATIONS = (
    "first-backup",
    "unchanged",
    "changed",
    "restore",
    "check",
    "check-read-data",
    "ls",
    "find",
    "forget-prune",
    "snapshots",
    "version",
)

_OURS = {
    "init": "backup init --no-cache",
    "backup": "backup run --no-cache {data}",
    "restore": "backup restore --no-cache latest --target {target}",
    "check": "backup check --no-cache",
    "check-read-data": "backup check --no-cache --read-data",
    "ls": "backup ls --no-cache latest",
    "find": "backup find --no-cache *7.*",
    "forget-prune": "backup forget --no-cache --keep-last 1 --prune",
    "snapshots": "backup snapshots --no-cache",
    "version": "--version",
}
_RESTIC = {
    "init": "init --no-cache",
    "backup": "backup --no-cache {data}",
    "restore": "restore latest --no-cache --target {target}",
    "check": "check --no-cache",
    "check-read-data": "check --no-cache --read-data",
    "ls": "ls latest --no-cache",
    "find": "find --no-cache *7.*",
    "forget-prune": "forget --no-cache --keep-last 1 --prune",
    "snapshots": "snapshots --no-cache",
    "version": "version",
}
# Named for what happened before: the command is the same.
_BACKUPS = ("first-backup", "unchanged", "changed")


@dataclass(frozen=True)
class Tool:
    """``prefix`` begins the names of the environment variables that say where and which."""

    name: str
    version: str
    program: Path
    commands: Mapping[str, str]
    variables: tuple[str, str]

    def argv(self, operation: str, *, data: Path, target: Path) -> list[str]:
        words = self.commands["backup" if operation in _BACKUPS else operation].split()
        return [str(self.program), *(word.format(data=data, target=target) for word in words)]

    def environment(self, repository: Path, password_file: Path) -> dict[str, str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RESTIC_", "LPSE_OPS_"))
        }
        where, password = self.variables
        return {
            **clean,
            where: str(repository),
            password: str(password_file),
            "LPSE_OPS_STATE": str(repository.parent / "state"),
        }


def find_ours() -> Tool:
    # As pip does when it installs: else what was edited is compiled again in every run.
    compile_dir(Path(lpse_ops.__file__).parent, quiet=1)
    program = Path(sys.executable).with_name("lpse-ops")
    variables = ("LPSE_OPS_REPO", "LPSE_OPS_PASSWORD_FILE")
    return Tool("lpse-ops", version("lpse-ops"), program, _OURS, variables)


def find_restic() -> Tool:
    newest = find_restics().new
    variables = ("RESTIC_REPOSITORY", "RESTIC_PASSWORD_FILE")
    return Tool("restic", newest.version, newest.path, _RESTIC, variables)
