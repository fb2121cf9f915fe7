"""The machine from which sites are installed and upgraded: inventory, settings, both engines."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import Host
from tests.roles.running import parse_recap
from tests.spselab.wheels import find_wheels
from tests.standin.build import Package

ROOT = Path(__file__).parents[2]
SERVER_NAME = "lpse.contoh.go.id"
BACKUPS = "/srv/backup/repo"

_BIN = Path(sys.executable).parent
_SETTINGS = """\
site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}
"""
_WHY = ("--reason", "permohonan 027/08", "--performed-by", "Sari")
# What a site writes into its inventory; what the lab cannot give is left out.
SITE_VARIABLES: dict[str, Any] = {
    "common_time_zone": "Asia/Makassar",
    "time_sync_options": "-x",
    "hardening_sysctl": {"net.ipv4.tcp_syncookies": 1, "net.ipv4.conf.all.accept_redirects": 0},
    # Several hosts share the memory of this machine, each of which sees all of it.
    "postgresql_memory_mb": 512,
    "spse_server_name": SERVER_NAME,
    "spse_reconnect_seconds": 60,
    "spse_health_seconds": 60,
    "spse_performed_by": ["Sari"],
    "spse_reason": "permohonan 027/08",
    "backup_client_settings": {
        "site": {"name": "LPSE Contoh", "slug": "lpse-contoh", "time_zone": "WITA"},
        "backup": {
            "databases": [{"url": "postgresql:///epns_prod?user=postgres"}],
            "paths": ["/home/file/file_prod"],
            "destinations": [{"name": "disk-a", "location": BACKUPS}],
            "keep": {"daily": 14},
        },
    },
}


@dataclass(frozen=True)
class Ended:
    """How a command on the controller ended; ``text`` is all that it said, in its order."""

    status: int
    text: str
    stdout: str
    seconds: float

    def json(self) -> Any:
        return json.loads(self.stdout)

    def recap(self, host: Host) -> dict[str, int]:
        return parse_recap(self.text, host.name)


@dataclass(frozen=True)
class Controller:
    """``folder`` holds ``lpse-ops.yml``, ``inventory/hosts.yml``, links to playbooks and roles."""

    folder: Path
    user: str = "debian"

    def prepare(
        self, hosts: Sequence[Host], of_host: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Write the site's folder anew; ``of_host``: name of a host -> variables of its own."""
        (self.folder / "inventory").mkdir(parents=True, exist_ok=True)
        (self.folder / "lpse-ops.yml").write_text(_SETTINGS)
        for name in ("playbooks", "roles", "ansible.cfg"):
            link = self.folder / name
            if not link.is_symlink() and (ROOT / name).exists():
                link.symlink_to(ROOT / name)
        shared = {**SITE_VARIABLES, "backup_client_wheels": str(find_wheels())}
        members = {
            host.name: {
                **host.ansible_variables(self.user),
                "ansible_python_interpreter": "/usr/bin/python3",
                **(of_host or {}).get(host.name, {}),
            }
            for host in hosts
        }
        group = {"vars": shared, "hosts": members}
        inventory = {"all": {"children": {"spse": group}}}
        (self.folder / "inventory/hosts.yml").write_text(json.dumps(inventory, indent=1))

    def lpse_ops(self, *words: str | Path, timeout_seconds: float = 900) -> Ended:
        """Our program, with the site's folder as its own."""
        return self._run([_BIN / "lpse-ops", *words], timeout_seconds)

    def install(self, package: Package) -> Ended:
        """What the guide says: one command."""
        words = ["spse", "install", package.archive, "-i", "inventory/hosts.yml", "--yes"]
        return self.lpse_ops(
            *words, *_WHY, "--sha256", package.sha256, "--release", package.version
        )

    def upgrade(self, package: Package, *words: str, archive: Path | None = None) -> Ended:
        """Also: ``--limit NAME``, ``--serial 2``."""
        where = [archive or package.archive, "-i", "inventory/hosts.yml", "--yes"]
        what = ["--sha256", package.sha256, "--release", package.version]
        return self.lpse_ops("spse", "upgrade", *where, *what, *_WHY, *words)

    def rollback(self, *words: str) -> Ended:
        return self.lpse_ops(
            "spse", "rollback", "-i", "inventory/hosts.yml", "--yes", *_WHY, *words
        )

    def our_playbook(self, name: str, **variables: Any) -> Ended:
        argv = [_BIN / "lpse-ops", "playbook", "run", "-i", "inventory/hosts.yml"]
        return self._run([*argv, *self._extra(variables), f"playbooks/{name}.yml"], 900)

    def their_playbook(self, name: str, **variables: Any) -> Ended:
        argv = [_BIN / "ansible-playbook", "-i", "inventory/hosts.yml"]
        return self._run([*argv, *self._extra(variables), f"playbooks/{name}.yml"], 1800)

    def _extra(self, variables: Mapping[str, Any]) -> list[str]:
        if not variables:
            return []
        file = self.folder / "extra.json"
        file.write_text(json.dumps(variables))
        return ["-e", f"@{file}"]

    def _run(self, argv: Sequence[str | Path], timeout_seconds: float) -> Ended:
        outputs = [self.folder / f"{Path(argv[0]).name}.{kind}" for kind in ("out", "all")]
        began = time.monotonic()
        # Both into one file, in their order; what is data once more by itself.
        with outputs[1].open("w+") as everything:
            done = subprocess.run(
                argv,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=everything,
                text=True,
                timeout=timeout_seconds,
            )
            everything.seek(0)
            text = done.stdout + everything.read()
        return Ended(done.returncode, text, done.stdout, time.monotonic() - began)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LPSE_OPS_")}
        return {
            **kept,
            "LPSE_OPS_STATE": str(self.folder / "state"),
            "ANSIBLE_ROLES_PATH": str(ROOT / "roles"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            # Its connection ends soon after it: nothing outlives the test for long.
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=5s",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
        }


def package_variables(package: Package) -> dict[str, str]:
    return {
        "spse_package": str(package.archive),
        "spse_version": package.version,
        "spse_package_sha256": package.sha256,
    }
