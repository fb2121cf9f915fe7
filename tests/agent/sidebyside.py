"""The same tasks by the real ansible-playbook and by us, on trees that start out equal.

One ansible-playbook run does all cases of a list.  Each case has a folder of its own, ``ROOT`` in
its arguments; every phase of it is one task: ``check`` (nothing may change), ``run`` and
``again``.  Results and final trees are compared after what must differ was taken out.
"""

import difflib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.agent.peercollections import find_collections

Phase = str
RunOurs = Callable[..., dict[str, Any]]

ALL = ("check", "run", "again")
# Keys that say where and when something ran, or that only one of the two has on purpose.
_NOT_COMPARED = {
    "invocation",
    "deprecations",
    "exception",
    "warnings",
    "stdout_lines",
    "stderr_lines",
    "details",
}
_BACKUP = re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~")


@dataclass(frozen=True)
class Case:
    """``make`` builds the tree; every text in ``args`` may hold ROOT.

    A module of a collection has its whole name: ``ansible.posix.sysctl``.
    """

    name: str
    module: str
    args: dict[str, Any]
    make: Callable[[Path], Any] = lambda _: None
    phases: Sequence[Phase] = ("run",)
    # Keys of the result whose values need not be equal.
    apart: frozenset[str] = frozenset()
    diff: bool = True

    def args_in(self, root: Path) -> dict[str, Any]:
        return json.loads(json.dumps(self.args).replace("ROOT", str(root)))


def without_diff(cases: Sequence[Case], names: Sequence[str]) -> list[Case]:
    """The same cases once more, when nobody asked for a diff."""
    chosen = [case for case in cases if case.name in names]
    assert len(chosen) == len(names)
    return [replace(case, name=f"{case.name}_without_diff", diff=False) for case in chosen]


@dataclass(frozen=True)
class Done:
    """What one side did: results of each phase, and the trees of the check and the real runs."""

    results: dict[str, Any]
    trees: dict[str, Any]


def assert_same(ours: Done, theirs: Done) -> None:
    """Fail with what is not equal, as a difference that is easy to read.

    Where a module of ansible-core crashed, ours must only fail as well.
    """
    crashed = [phase for phase, result in theirs.results.items() if "crashed" in result]
    for phase in crashed:
        assert ours.results[phase]["failed"]
        theirs.results[phase] = ours.results[phase]
    texts = [
        json.dumps([done.results, done.trees], indent=1, sort_keys=True).replace("\\n", "\n")
        for done in (theirs, ours)
    ]
    lines = [text.splitlines() for text in texts]
    difference = list(difflib.unified_diff(*lines, "theirs", "ours", lineterm="", n=4))
    if difference:
        pytest.fail("\n".join(difference), pytrace=False)


def build(case: Case, root: Path) -> None:
    for part in ("check", "run"):
        folder = root / part / case.name
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        case.make(folder)


def run_modules(cases: Sequence[Case], root: Path) -> dict[str, Done]:
    """All cases by ansible-core's modules alone, without an action plugin: some ms each."""
    for case in cases:
        build(case, root)
    tasks = [
        (case.module, case.args_in(_folder(case, root, phase)), phase == "check", case.diff)
        for case in cases
        for phase in case.phases
    ]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("ansiblemodules.py"))],
        env=_with_collections(cases),
        input=json.dumps(tasks),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the modules did not run:\n{done.stderr[-3000:]}")
    results = iter(json.loads(done.stdout))
    return {
        case.name: Done(
            {phase: normalised(next(results), root, case) for phase in case.phases},
            trees_of(case, root),
        )
        for case in cases
    }


def _with_collections(cases: Sequence[Case]) -> dict[str, str]:
    """The environment in which Python finds the modules of collections, if there are any."""
    if not any("." in case.module for case in cases):
        return dict(os.environ)
    folder = str(find_collections())
    return {**os.environ, "PYTHONPATH": folder, "ANSIBLE_COLLECTIONS_PATH": folder}


def run_plays(cases: Sequence[Case], root: Path) -> dict[str, Done]:
    """All cases by ansible-playbook, about 0.3 s each."""
    for case in cases:
        build(case, root)
    playbook = root / "play.yml"
    playbook.write_text(yaml.safe_dump([_play(cases, root)], sort_keys=False))
    environment = {
        **_with_collections(cases),
        "ANSIBLE_HOME": str(root / "home"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if not (root / "results.json").exists():
        raise RuntimeError(f"ansible-playbook failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    results = json.loads((root / "results.json").read_text())
    return {
        case.name: Done(
            {
                phase: normalised(results[f"r_{case.name}_{phase}"], root, case)
                for phase in case.phases
            },
            trees_of(case, root),
        )
        for case in cases
    }


def run_ours(case: Case, root: Path, run: RunOurs) -> Done:
    """One case by us."""
    shutil.rmtree(root, ignore_errors=True)
    build(case, root)
    results = {}
    for phase in case.phases:
        folder = _folder(case, root, phase)
        args = case.args_in(folder)
        module = case.module.rpartition(".")[2]
        result = run(module, args, root, check_mode=phase == "check", diff_mode=case.diff)
        results[phase] = normalised(result, root, case)
    return Done(results, trees_of(case, root))


def _folder(case: Case, root: Path, phase: Phase) -> Path:
    return root / ("check" if phase == "check" else "run") / case.name


def _play(cases: Sequence[Case], root: Path) -> dict[str, Any]:
    names = [f"r_{case.name}_{phase}" for case in cases for phase in case.phases]
    save = "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}"
    return {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [
            *(_task(case, root, phase) for case in cases for phase in case.phases),
            {
                "copy": {"content": save, "dest": str(root / "results.json")},
                "diff": False,
            },
        ],
    }


def _task(case: Case, root: Path, phase: Phase) -> dict[str, Any]:
    return {
        "name": f"{case.name} {phase}",
        case.module: case.args_in(_folder(case, root, phase)),
        "register": f"r_{case.name}_{phase}",
        "ignore_errors": True,
        "check_mode": phase == "check",
        "diff": case.diff,
    }


def normalised(result: dict[str, Any], root: Path, case: Case) -> dict[str, Any]:
    """A result without what differs from run to run."""
    text = json.dumps(result).replace(str(root), "/TOP")
    text = _BACKUP.sub(".BACKUP~", text)
    kept = {
        key: value
        for key, value in json.loads(text).items()
        if key not in _NOT_COMPARED | case.apart and not key.startswith("_ansible")
    }
    for diff in kept.get("diff") or () if isinstance(kept.get("diff"), list) else ():
        for key in case.apart & set(diff):
            del diff[key]
    kept["changed"] = bool(kept.get("changed"))
    kept["failed"] = bool(kept.get("failed"))
    return kept


def trees_of(case: Case, root: Path) -> dict[str, Any]:
    return {
        part: _BACKUP.sub(".BACKUP~", json.dumps(tree(root / part / case.name), indent=1)).replace(
            str(root), "/TOP"
        )
        for part in ("check", "run")
    }


def tree(folder: Path) -> dict[str, Any]:
    """Everything below a folder: kind, mode, owner, links and content."""
    found: dict[str, Any] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        shown: dict[str, Any] = {
            "mode": oct(status.st_mode),
            "owner": [status.st_uid, status.st_gid],
        }
        if path.is_symlink():
            shown["link"] = str(path.readlink())
        elif stat.S_ISREG(status.st_mode):
            shown["content"] = path.read_bytes().decode("utf-8", "backslashreplace")
            shown["names"] = status.st_nlink
        found[path.relative_to(folder).as_posix()] = shown
    return found
