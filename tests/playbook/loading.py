"""Playbooks written into a folder, loaded as ``lpse-ops`` does, and shown to the real Ansible."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lpse_ops.markedyaml import load_marked
from lpse_ops.playbook.load import load_playbook
from lpse_ops.playbook.model import Playbook
from lpse_ops.playbook.registry import find_module, module_names
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.templating.engine import Templating

COMMAND = "ansible-playbook site.yml"
BESIDE_PYTHON = Path(sys.executable).parent


def write_tree(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_context(warn: Callable[[str], None] = print, **fields: Any) -> LoadContext:
    return LoadContext(
        load_yaml=lambda path: load_marked(path, warn=warn),
        find_module=find_module,
        module_names=module_names,
        evaluate=Templating().evaluate,
        warn=warn,
        command=COMMAND,
        **fields,
    )


def load(folder: Path, files: Mapping[str, str] | str, **fields: Any) -> Playbook:
    """Write files (or only ``site.yml``) and load ``site.yml``."""
    write_tree(folder, {"site.yml": files} if isinstance(files, str) else files)
    return load_playbook(folder / "site.yml", make_context(**fields))


def run_ansible(
    program: str,
    *args: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program that has to succeed unless ``check``; of the surroundings it sees ``env``."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")}
    return subprocess.run(
        [str(BESIDE_PYTHON / program), *args],
        cwd=cwd,
        env=clean | dict(env or {}),
        capture_output=True,
        text=True,
        check=check,
    )
