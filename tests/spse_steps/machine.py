"""A machine of the lab with the stand-in under systemd, and the step runner beside it."""

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import Finished, Host, Lab
from tests.spse_steps.conftest import RUNNER
from tests.spselab.prepared import bring_up_prepared
from tests.standin.build import Package

PASSWORD = "sandi-5e1c-lab"
RELEASES = "/opt/spse/releases"
UNIT = "lpse-ops-upgrade"
_LINK = "/home/appserv/spse"
_SITE_FILE = "/etc/lpse-ops/application.conf"
_URL = "http://127.0.0.1:9090/eproc4/login"
_STEPRUNNER = ["python3", "/usr/local/lib/lpse-ops/steprunner", "--format", "json"]

# As the role has it, but for the fences; and it tries again at once.
_SERVICE = f"""\
[Unit]
After=postgresql.service
StartLimitIntervalSec=0

[Service]
Type=forking
GuessMainPID=yes
User=appserv
WorkingDirectory={_LINK}
ExecStartPre=rm -f {_LINK}/server.pid
ExecStart={_LINK}/spse4 start
ExecStop={_LINK}/spse4 stop
SuccessExitStatus=SIGKILL 143
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
"""

# While /run/spse-slow is there, the last migration of 4.5 waits in its middle.
_DATABASE = f"""\
CREATE ROLE epns LOGIN PASSWORD '{PASSWORD}';
CREATE DATABASE epns_prod OWNER epns;
\\c epns_prod
CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF (pg_stat_file('/run/spse-slow', true)).size IS NOT NULL THEN PERFORM pg_sleep(600); END IF;
END $$;
CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('DROP VIEW') EXECUTE FUNCTION slow();
"""

_PREPARE = f"""\
set -eu
useradd --system --create-home appserv
mkdir -p /etc/lpse-ops /home/file/file_prod /var/www/lpse-ops /usr/local/lib/lpse-ops
chown appserv /home/file/file_prod
for release in {RELEASES}/*; do
  mkdir -p "$release/logs" "$release/tmp"
  chown -R appserv: "$release"
done
sed -e 's/epns:epns@/epns:{PASSWORD}@/' {RELEASES}/4.4/conf/application.conf >{_SITE_FILE}
chmod 600 {_SITE_FILE}
cp {_SITE_FILE} {RELEASES}/4.4/conf/application.conf
chown appserv {RELEASES}/4.4/conf/application.conf
ln -s {RELEASES}/4.4 {_LINK}
runuser -u appserv -- {_LINK}/spse4 migration
systemctl daemon-reload
systemctl enable --quiet --now spse
"""


@dataclass
class Machine:
    host: Host

    def sh(self, line: str, *, stdin: str = "", check: bool = True) -> Finished:
        return self.host.run("sh", "-c", line, stdin=stdin, check=check)

    def write_plan(self, name: str, to: str) -> str:
        """Write a plan from 4.4 to a release; its path."""
        path = f"/etc/lpse-ops/{name}.json"
        content = self.host.run("cat", _SITE_FILE).stdout
        plan = make_plan(name, to, hashlib.sha256(content.encode()).hexdigest())
        self.sh(f"umask 077; cat >{path}", stdin=json.dumps(plan))
        return path

    def steprunner(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Call it directly."""
        done = self.host.run(*_STEPRUNNER, *words, check=False, timeout_seconds=90)
        return done.status, json.loads(done.stdout or "{}")

    def transient(self, *words: str, wait: bool = True) -> int:
        """Call it as the role does, in a unit of its own."""
        how = ["--wait"] if wait else ["--no-block"]
        argv = ["systemd-run", f"--unit={UNIT}", *how, "--collect", "--quiet", *_STEPRUNNER]
        return self.host.run(*argv, *words, check=False, timeout_seconds=90).status

    def status(self) -> dict[str, Any]:
        return self.steprunner("status")[1]

    def state_of(self, unit: str) -> tuple[str, str]:
        """Whether it is active, and whether the next boot starts it."""
        return tuple(
            self.host.run("systemctl", verb, unit, check=False).stdout.strip()
            for verb in ("is-active", "is-enabled")
        )

    def is_migrating(self) -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^DROP VIEW'"
        return self.psql(query, database="postgres") == "1"

    def psql(self, query: str, *, database: str = "epns_prod") -> str:
        argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", database, "-c", query]
        return self.host.run(*argv).stdout.strip()

    def login_page(self) -> str:
        return self.host.run("curl", "-s", "--max-time", "10", _URL, check=False).stdout

    def assert_is(self, version: str) -> None:
        """It serves this version with its data, users are let in, and a boot will start it."""
        assert f"SPSE v{version}" in self.login_page()
        assert self.state_of("spse") == ("active", "enabled")
        assert self.host.run("readlink", _LINK).stdout.strip() == f"{RELEASES}/{version}"
        assert self.sh("test -e /var/www/lpse-ops/maintenance.html", check=False).status == 1
        assert self.psql("SELECT count(*), max(pkt_nama) FROM paket") == "1|Pekerjaan Contoh"
        new = self.psql("SELECT to_regclass('public.paket_anggaran') IS NOT NULL")
        assert new == ("t" if version == "4.5" else "f")


def make_plan(name: str, to: str, digest: str) -> dict[str, Any]:
    """As ``site.json`` and a package make it."""
    root = {"account": "root"}

    def release(version: str, folder: str) -> dict[str, str]:
        log = f"logs/spse{version}.log"
        where = f"{RELEASES}/{folder}"
        return {"version": version, "release": where, "pid_file": "server.pid", "log": log}

    page = {"name": "local", "url": _URL, "text": "Sistem Pengadaan Secara Elektronik"}
    return {
        "format": 1,
        "id": name,
        "from": release("4.4", "4.4"),
        "to": release("4.5", to),
        "link": _LINK,
        "maintenance": {"flag": "/var/www/lpse-ops/maintenance.html", "notice": "<h1>Tunggu</h1>"},
        "application": {
            "account": "appserv",
            "port": 9090,
            "start": {"argv": ["systemctl", "enable", "--now", "spse"], **root},
            "stop": {"argv": ["systemctl", "disable", "--now", "spse"], **root},
            "migration": {"argv": ["{link}/spse4", "migration"]},
        },
        "backup": {"accepted_risk": "percobaan"},
        "database": {"name": "epns_prod", "reserve_mib": 0, "keep": 1},
        "files": [{"source": _SITE_FILE, "target": "conf/application.conf", "sha256": digest}],
        "health": {"seconds": 30, "pages": [page]},
    }


def bring_up(lab: Lab, packages: dict[str, Package]) -> Machine:
    """SPSE 4.4 serves; beside it are 4.5, and one whose migration fails."""
    [host] = bring_up_prepared(lab, "steps")
    machine = Machine(host)
    for name, folder in (
        ("spse-4.4", "4.4"),
        ("spse-4.5", "4.5"),
        ("spse-4.5-migration-fails", "4.5-fails"),
    ):
        target = f"{RELEASES}/{folder}"
        line = f"mkdir -p {target} && tar -xz -C {target} --strip-components=1"
        _send(host, packages[name].archive, line)
    tar = ["tar", "-c", "--exclude=__pycache__", "-C", str(RUNNER.parent), RUNNER.name]
    sent = subprocess.run(tar, check=True, capture_output=True).stdout
    line = "mkdir -p /usr/local/lib/lpse-ops && tar -x --no-same-owner -C /usr/local/lib/lpse-ops"
    subprocess.run(host.ssh_argv(line), input=sent, check=True)
    machine.sh("cat >/etc/systemd/system/spse.service", stdin=_SERVICE)
    host.run(
        "runuser", "-u", "postgres", "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", stdin=_DATABASE
    )
    machine.sh(_PREPARE)
    return machine


def _send(host: Host, file: Path, line: str) -> None:
    with file.open("rb") as stream:
        subprocess.run(host.ssh_argv(line), stdin=stream, check=True)
