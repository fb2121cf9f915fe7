"""A whole site to upgrade: a database with data, two releases, the old one running."""

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spse_steps.processes import find_listeners, find_marked, group_of
from spse_steps.program import main

from tests.postgres.servers import Server
from tests.spse_steps.tinyapp import write_release

ACCOUNT = "nobody"
ROWS = 40
PASSWORD = "kata-sandi-sangat-rahasia"
MIGRATION = """
ALTER TABLE paket ADD COLUMN pagu numeric;
UPDATE paket SET pagu = id * 1000;
INSERT INTO versi VALUES ('4.5');
"""
_SCHEMA = f"""
CREATE TABLE paket (id int PRIMARY KEY, nama text);
INSERT INTO paket SELECT n, 'Paket ' || n FROM generate_series(1, {ROWS}) n;
CREATE TABLE versi (versi text);
INSERT INTO versi VALUES ('4.4');
"""


@dataclass
class Ended:
    """How a call of the runner ended, and the moments at which the power could have gone."""

    code: int
    output: str
    said: str
    points: list[str] = field(default_factory=list)

    @property
    def answer(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.output)
        return parsed


@dataclass
class Site:
    """``name`` is that of the database; ``top`` holds everything else."""

    top: Path
    server: Server
    name: str
    port: int
    number: int = 0

    @property
    def plan_id(self) -> str:
        """Of no other trial on this machine: by it a runner knows what it started."""
        return f"trial-{self.port}-{self.number}"

    @property
    def uid(self) -> int:
        return pwd.getpwnam(ACCOUNT).pw_uid

    @property
    def state_folder(self) -> Path:
        return self.top / "state"

    @property
    def link(self) -> Path:
        return self.top / "appserv/spse"

    @property
    def flag(self) -> Path:
        return self.top / "www/maintenance.html"

    def release(self, version: str) -> Path:
        return self.top / "releases" / version

    def reset(self) -> None:
        """Everything as before the upgrade, the old release running."""
        self.stop()
        for each in self.databases():
            self.server.execute(f'DROP DATABASE "{each}" WITH (FORCE)')
        self.make_database()
        for each in ("releases", "appserv", "state", "www", "etc", "dumps"):
            shutil.rmtree(self.top / each, ignore_errors=True)
        write_release(self.release("4.4"), "4.4", "4.4", "", self.uid)
        write_release(self.release("4.5"), "4.5", "4.5", MIGRATION, self.uid)
        self.write_configuration()
        shutil.copy(self.top / "etc/application.conf", self.release("4.4") / "conf")
        shutil.copy(self.top / "etc/libpq.sh", self.release("4.4") / "conf")
        (self.top / "appserv").mkdir()
        self.link.symlink_to(self.release("4.4"))
        self.spse4("start")
        self.wait_until(lambda: "SPSE 4.4" in self.login_page())

    def make_database(self) -> None:
        made = self.server.execute("SELECT 1 FROM pg_database WHERE datname = 'steps_template'")
        if not made:
            self.server.execute(f"CREATE ROLE epns LOGIN PASSWORD '{PASSWORD}'")
            self.server.execute("CREATE DATABASE steps_template OWNER epns")
            self.server.execute(f"SET ROLE epns; {_SCHEMA}", name="steps_template")
        self.server.execute(f"CREATE DATABASE {self.name} TEMPLATE steps_template OWNER epns")
        self.server.execute(f"ALTER DATABASE {self.name} SET search_path TO public, ekontrak")
        self.server.execute(f"ALTER DATABASE {self.name} CONNECTION LIMIT 55")
        self.server.execute(f"COMMENT ON DATABASE {self.name} IS 'basis data produksi'")
        self.server.execute(f"GRANT CONNECT ON DATABASE {self.name} TO epns WITH GRANT OPTION")

    def write_configuration(self) -> None:
        etc = self.top / "etc"
        etc.mkdir()
        url = f"postgres://epns:{PASSWORD}@127.0.0.1:{self.server.tcp_port}/{self.name}"
        text = f"http.port={self.port}\nsitus=LPSE\ndb={url}\n"
        (etc / "application.conf").write_text(text)
        exports = f"export PGHOST=127.0.0.1 PGPORT={self.server.tcp_port} PGUSER=epns"
        (etc / "libpq.sh").write_text(f"{exports} PGDATABASE={self.name} PGPASSWORD={PASSWORD}\n")

    def plan(self, **changes: Any) -> dict[str, Any]:
        etc = self.top / "etc"
        plan: dict[str, Any] = {
            "format": 1,
            "id": self.plan_id,
            "from": self.plan_release("4.4"),
            "to": self.plan_release("4.5"),
            "link": str(self.link),
            "maintenance": {"flag": str(self.flag), "notice": "<h1>Pemeliharaan</h1>\n"},
            "application": {
                "account": ACCOUNT,
                "port": self.port,
                "start": {"argv": ["{link}/spse4", "start"]},
                "stop": {"argv": ["{link}/spse4", "stop"]},
                "migration": {"argv": ["{link}/spse4", "migration"]},
                "stop_seconds": 1,
            },
            "backup": {
                "run": {"argv": ["echo", '{"snapshot": {"id": "4f0c1b2c4f0c1b2c"}}']},
                "verify": {"argv": ["test", "{snapshot}", "=", "4f0c1b2c4f0c1b2c"]},
            },
            "database": {
                "name": self.name,
                "host": self.server.socket_folder,
                "account": "postgres",
                "port": self.server.tcp_port,
                "programs": str(self.server.installation.folder),
                "dump_folder": str(self.top / "dumps"),
                "reserve_mib": 0,
                "keep": 1,
            },
            "files": [
                {
                    "source": str(etc / name),
                    "target": f"conf/{name}",
                    "sha256": hashlib.sha256((etc / name).read_bytes()).hexdigest(),
                    "mode": "0600",
                }
                for name in ("application.conf", "libpq.sh")
            ],
            "health": {
                "seconds": 3,
                "pages": [
                    {
                        "name": "local",
                        "url": f"http://127.0.0.1:{self.port}/eproc4/login",
                        "text": "Masuk sebagai Penyedia, situs LPSE",
                    }
                ],
            },
        }
        for key, value in changes.items():
            plan[key] = {**plan[key], **value} if isinstance(value, dict) else value
        return plan

    def plan_release(self, version: str) -> dict[str, str]:
        """A release as the plan names it; its log is in another place in each."""
        folder = str(self.release(version))
        log = f"logs/spse{version}.log"
        return {"version": version, "release": folder, "pid_file": "server.pid", "log": log}

    def write_plan(self, plan: dict[str, Any]) -> Path:
        path = self.top / "etc/plan.json"
        path.write_text(json.dumps(plan))
        path.chmod(0o600)
        return path

    def argv(self, *words: str | Path) -> list[str]:
        return ["--folder", str(self.state_folder), "--format", "json", *map(str, words)]

    def call(self, capsys: Any, *words: str | Path) -> Ended:
        """Run the program here to its end."""
        points: list[str] = []
        capsys.readouterr()
        with signals_kept():
            code = main(self.argv(*words), trace=points.append)
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err, points)

    def call_and_kill(self, stop_at: int, *words: str | Path) -> bool:
        """Run the program in a process of its own, killed at a moment; False if it ended before."""
        child = os.fork()
        if child == 0:
            _be_killed_at(stop_at, self.argv(*words))
        _pid, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

    def run_here_and_leave(self, *words: str | Path) -> None:
        """In a forked process: run the program, and never come back."""
        _be_killed_at(0, self.argv(*words))

    def listen_and_wait(self) -> None:
        """In a forked process: have the port, and be something else."""
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            while True:
                caller, _address = listener.accept()
                caller.recv(65536)
                caller.sendall(b"HTTP/1.0 200 OK\r\n\r\nbukan SPSE")
                caller.close()

    def spse4(self, verb: str) -> None:
        subprocess.run(
            [self.link / "spse4", verb], check=True, user=ACCOUNT, cwd="/", capture_output=True
        )

    def stop(self) -> None:
        """End whatever was started, however."""
        marks = [f"{self.plan_id}/{step}" for step in ("start", "stop", "migrate")]
        marked = [each for mark in marks for each in find_marked(mark, [self.uid])]
        for process in find_listeners(self.port, self.uid) + marked:
            for each in group_of(process):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
        self.wait_until(lambda: not find_listeners(self.port, self.uid))

    def login_page(self) -> str:
        url = f"http://127.0.0.1:{self.port}/eproc4/login"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 5) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.01)

    def databases(self) -> set[str]:
        return {each for each in self.server.names() if each.startswith(self.name)}

    def query(self, text: str) -> list[tuple[object, ...]]:
        return self.server.execute(text, name=self.name)

    def assert_is_serving(self, version: str) -> None:
        """It serves this version, and users are let in."""
        assert f"SPSE {version}" in self.login_page()
        assert not self.flag.exists()
        assert self.link.readlink() == self.release(version)

    def assert_is(self, version: str) -> None:
        """It serves this version with all data, and users are let in."""
        self.assert_is_serving(version)
        assert self.query("SELECT count(*), sum(id) FROM paket") == [(ROWS, ROWS * (ROWS + 1) // 2)]
        assert self.query("SELECT max(versi) FROM versi") == [(version,)]
        assert self.columns() == (["id", "nama", "pagu"] if version == "4.5" else ["id", "nama"])
        self.assert_properties()

    def is_asleep(self) -> bool:
        """Whether somebody sleeps in the database."""
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()"
        )
        return bool(self.server.execute(query))

    def columns(self) -> list[object]:
        query = "SELECT attname FROM pg_attribute WHERE attrelid = 'paket'::regclass AND attnum > 0"
        return [row[0] for row in self.query(f"{query} ORDER BY attnum")]

    def assert_properties(self) -> None:
        """The database is in all as the site had made it."""
        query = """
            SELECT pg_get_userbyid(datdba), datallowconn, datconnlimit,
                   shobj_description(d.oid, 'pg_database'), setconfig, datacl::text
            FROM pg_database d LEFT JOIN pg_db_role_setting ON setdatabase = d.oid
            WHERE datname = current_database()
        """
        acl = "{=Tc/epns,epns=CTc/epns}"
        expected = ("epns", True, 55, "basis data produksi", ["search_path=public, ekontrak"])
        (found,) = self.query(query)
        assert found[:5] == expected
        assert str(found[5]).replace("*", "") == acl


@contextlib.contextmanager
def signals_kept() -> Iterator[None]:
    """The program sets them for itself; here it is not alone."""
    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _be_killed_at(stop_at: int, argv: list[str]) -> None:
    """In a forked process: run the program until the moment, then be gone."""
    passed = 0

    def trace(_point: str) -> None:
        nonlocal passed
        passed += 1
        if passed == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    code = 99
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        code = main(argv, trace=trace)
    finally:
        os._exit(code)
