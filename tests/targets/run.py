"""Runs one integration target of ansible-core with our engine, as ansible-test would.

A role becomes a play on ``testhost``; a ``runme.sh`` finds our engine under the name
``ansible-playbook``, while all other programs of ansible-core stay the real ones.  All happens in
a scratch copy, with an /etc and a /home of its own, and no package is ever installed here.  The
targets that are listed for the lab have ``testhost`` there: see ``labhost.py``.

``python -m tests.targets.run NAME...`` runs targets and prints how they ended, ``--listed`` all
that pass; ``--real`` runs them with the real ansible-playbook, ``--log FOLDER`` keeps what they
said, ``--lab`` has all of them on the lab.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab import Host
from tests.targets.labhost import fresh_machine, inventory_words
from tests.targets.listing import load_entries
from tests.targets.sdist import Target, find_integration, load_target, target_names

TIMEOUT_SECONDS = 180
BIN = Path(sys.executable).parent
_SHIM = """\
#!/bin/sh
exec {program} playbook run "$@"
"""
# In a mount and a process namespace: users that a target adds, and what it leaves running, go away.
_APART = """\
mount --bind "$1" /etc && mount --bind "$2" /home || exit 125
shift 2
exec "$@"
"""
_INVENTORY = """\
[testgroup]
testhost ansible_pipelining=yes {words}
"""
_LOCAL_WORDS = f"ansible_connection=local ansible_python_interpreter={sys.executable}"


@dataclass(frozen=True)
class Ending:
    """How a target ended; ``status`` is None when it took too long."""

    name: str
    status: int | None
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        return self.status == 0


def run_target(
    name: str,
    scratch: Path,
    *,
    source: Path | None = None,
    real: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
    host: Host | None = None,
) -> Ending:
    """Run a target in ``scratch``, an empty folder; whatever it started is ended with it.

    ``host``: where its ``testhost`` is, unless it is this machine.
    """
    source = source or find_integration()
    target = load_target(source, name)
    place = lay_out(source, target, scratch, real=real)
    words = inventory_words(host) if host else _LOCAL_WORDS
    (place / "inventory").write_text(_INVENTORY.format(words=words))
    environment = _environment(target, place, scratch)
    if target.is_script:
        argv, folder = ["./runme.sh"], place / "targets" / name
        environment["ANSIBLE_PLAYBOOK_DIR"] = str(folder)
    else:
        playbook = place / f"{name}-play.yml"
        playbook.write_text(json.dumps([_play(target, scratch / "output")]))
        argv, folder = ["ansible-playbook", playbook.name, "-i", "inventory"], place
        environment |= {
            "ANSIBLE_PLAYBOOK_DIR": str(place),
            "ANSIBLE_ROLES_PATH": str(place / "targets"),
        }
    # Not copytree: a lock file that somebody else removes meanwhile does not matter.
    subprocess.run(["cp", "-a", "/etc", str(scratch / "etc")], stderr=subprocess.DEVNULL)
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
    argv = [*apart, _APART, "apart", str(scratch / "etc"), str(scratch / "homes"), *argv]
    started = time.monotonic()
    status, output = _run(argv, folder, environment, timeout_seconds)
    return Ending(name, status, output, time.monotonic() - started)


def lay_out(source: Path, target: Target, scratch: Path, *, real: bool) -> Path:
    """Fill ``scratch``: a copy of the target, links to the others, programs; return its place."""
    place = scratch / "integration"
    (place / "targets").mkdir(parents=True)
    for folder in ("output", "home", "homes", "tmp", "bin"):
        (scratch / folder).mkdir()
    for name in target_names(source):
        if name == target.name:
            shutil.copytree(source / "targets" / name, place / "targets" / name, symlinks=True)
        else:
            (place / "targets" / name).symlink_to(source / "targets" / name)
    (place / "ansible.cfg").touch()
    # ansible-test's own makes an environment that a target may install packages into.
    (scratch / "bin" / "virtualenv.sh").touch()
    if not real:
        shim = scratch / "bin" / "ansible-playbook"
        shim.write_text(_SHIM.format(program=BIN / "lpse-ops"))
        shim.chmod(0o755)
    return place


def _play(target: Target, output: Path) -> dict[str, object]:
    return {
        "hosts": "testhost",
        "gather_facts": target.gathers_facts,
        "vars": {"output_dir": str(output)},
        "roles": [target.name],
    }


def _environment(target: Target, place: Path, scratch: Path) -> dict[str, str]:
    """Nothing of the caller's settings; a home and a place for temporary files of its own."""
    kept = {name: os.environ[name] for name in ("USER", "LOGNAME", "SHELL") if name in os.environ}
    path = f"{scratch / 'bin'}:{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        **kept,
        "PATH": path,
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "/bin/cat",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANSIBLE_CONFIG": str(place / "ansible.cfg"),
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_FORCE_HANDLERS": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_INVENTORY": "/dev/null",
        "ANSIBLE_LIBRARY": "/dev/null",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "INVENTORY_PATH": str(place / "inventory"),
        "JUNIT_OUTPUT_DIR": str(scratch / "output"),
        "OUTPUT_DIR": str(scratch / "output"),
        **target.environment,
    }


def _run(
    argv: Iterable[str], folder: Path, environment: Mapping[str, str], timeout_seconds: float
) -> tuple[int | None, str]:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            list(argv), cwd=folder, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            status: int | None = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end_group(process)
        output.seek(0)
        return status, output.read().decode(errors="replace")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--listed", action="store_true")
    parser.add_argument("--lab", action="store_true")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS)
    options = parser.parse_args()
    entries = load_entries()
    listed = [each.name for each in entries.values() if each.passes]
    all_passed = True
    for name in [*options.names, *(listed if options.listed else ())]:
        with contextlib.ExitStack() as stack:
            on_lab = options.lab or (name in entries and entries[name].word == "lab")
            ending = run_target(
                name,
                Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lpse-target-"))),
                real=options.real,
                timeout_seconds=options.timeout,
                host=stack.enter_context(fresh_machine()) if on_lab else None,
            )
        print(f"{name:40} {ending.status!s:5} {ending.seconds:6.1f} s", flush=True)
        all_passed &= ending.passed
        if options.log:
            options.log.mkdir(parents=True, exist_ok=True)
            (options.log / name).write_text(ending.output)
        elif not ending.passed:
            print(ending.output[-3000:])
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(_main())
