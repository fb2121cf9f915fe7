"""The three programs that do the work, each told in its own way, with the same forks."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Measured, measure
from benchmarks.playbookhosts import Hosts
from benchmarks.playbookwork import Work

OURS, ANSIBLE, PYINFRA = "lpse-ops", "ansible-core", "pyinfra"
SYNCED_SFTP = "sftp, synced"
# Commands of sftp; only the first promises what our copy does.
SFTP = {SYNCED_SFTP: "put -f", "sftp": "put"}
# Nothing that somebody has set for himself may favour one of them.
_PERSONAL = ("ANSIBLE_", "LPSE_OPS_", "PYINFRA_", "PYTHON")
_PERSIST = "-o ControlMaster=auto -o ControlPersist=60s"


@dataclass(frozen=True)
class Program:
    name: str
    version: str
    argv: tuple[str, ...]

    def run(
        self, work: Work, hosts: Hosts, target: Path, *, forks: int, listing: bool = False
    ) -> Measured:
        """Do ``work`` below ``target``, at first without any connection; no failure is allowed."""
        file = self._write(work, hosts.folder, target)
        with tempfile.TemporaryDirectory(prefix="cm") as sockets:
            try:
                return measure(
                    [*self.argv, *self._options(hosts, forks), str(file)]
                    + (["--list-tasks"] if listing else []),
                    _environment(hosts.folder, sockets),
                    self.log(hosts),
                )
            finally:
                _end_masters(Path(sockets))

    def log(self, hosts: Hosts) -> Path:
        return hosts.folder / f"{self.name}.log"

    def _write(self, work: Work, folder: Path, target: Path) -> Path:
        if self.name == PYINFRA:
            file, text = folder / "deploy.py", work.render_deploy(str(target))
        else:
            file, text = folder / "play.yml", work.render_playbook(str(target))
        file.write_text(text)
        return file

    def _options(self, hosts: Hosts, forks: int) -> list[str]:
        if self.name == PYINFRA:
            return ["-y", "--parallel", str(forks), str(hosts.pyinfra_inventory)]
        return ["-f", str(forks), "-i", str(hosts.inventory)]


def find_programs(cache: Path) -> dict[str, Program]:
    """Ours and ansible-core of this Python's environment; pyinfra is installed when missing."""
    here = Path(sys.executable)
    pyinfra = _install_pyinfra(cache / "pyinfra-venv")
    asked = subprocess.run([pyinfra, "--version"], capture_output=True, text=True, check=True)
    pyinfra_version = asked.stdout.split()[-1].removeprefix("v")
    ours = (str(here.with_name("lpse-ops")), "playbook", "run")
    ansible = (str(here.with_name("ansible-playbook")),)
    programs = (
        Program(OURS, version("lpse-ops"), ours),
        Program(ANSIBLE, version("ansible-core"), ansible),
        Program(PYINFRA, pyinfra_version, (str(pyinfra),)),
    )
    return {program.name: program for program in programs}


def _install_pyinfra(folder: Path) -> Path:
    program = folder / "bin" / "pyinfra"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "pyinfra>=3,<4"]
        subprocess.run(pip, check=True)
    return program


def _environment(folder: Path, sockets: str) -> Mapping[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_PERSONAL)}
    return {
        **clean,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": _PERSIST,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "LPSE_OPS_STATE": str(folder / "state"),
    }


def _end_masters(sockets: Path) -> None:
    """What is kept open for the next run would save that one its connecting."""
    for socket in sockets.iterdir():
        ssh = ["ssh", "-F", "none", "-O", "exit", "-S", str(socket), "nobody"]
        subprocess.run(ssh, capture_output=True)


@contextlib.contextmanager
def open_target(scratch: Path) -> Iterator[Path]:
    """A fresh folder for the work of one run."""
    with tempfile.TemporaryDirectory(prefix="target-", dir=scratch) as folder:
        yield Path(folder)


def measure_sftp(hosts: Hosts, file: Path, target: Path, command: str) -> Measured:
    """What ``sftp`` needs to put a file on the only host of ``hosts``; ``put -f`` syncs it."""
    ((address, port),) = hosts.places.values()
    batch = hosts.folder / "batch"
    batch.write_text(f"{command} {file} {target}\n")
    argv = ["sftp", "-F", str(hosts.ssh_config), "-P", str(port), "-b", str(batch)]
    return measure([*argv, f"{hosts.sshd.user}@{address}"], os.environ, hosts.folder / "sftp.log")
