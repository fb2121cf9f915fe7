"""Real modules of ansible-core, many in one process: a program that ``sidebyside`` starts.

Reads ``[[module, args, check_mode, diff_mode], ...]`` from stdin, writes the list of results.
Each module runs in a child of its own, so that starting Python costs once for all of them.
Those of collections are found where ``PYTHONPATH`` says.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
from typing import Any

from ansible.module_utils.testing import patch_module_args


def full_name(module: str) -> str:
    """Where Python finds a module; ``ansible.posix.mount`` is one of a collection."""
    if "." not in module:
        return f"ansible.modules.{module}"
    collection, _, name = module.rpartition(".")
    return f"ansible_collections.{collection}.plugins.modules.{name}"


def run(module: str, args: dict[str, Any], *, check_mode: bool, diff_mode: bool) -> Any:
    options = {
        "_ansible_check_mode": check_mode,
        "_ansible_diff": diff_mode,
        "_ansible_remote_tmp": tempfile.gettempdir(),
        "_ansible_module_name": module,
    }
    output = io.StringIO()
    with patch_module_args({**args, **options}), contextlib.redirect_stdout(output):
        try:
            importlib.import_module(full_name(module)).main()
        except SystemExit:
            return json.loads(output.getvalue())
        except Exception as error:
            return {"failed": True, "crashed": repr(error)}
    raise RuntimeError(f"{module} ended without a result")


def run_in_child(module: str, args: dict[str, Any], **modes: bool) -> Any:
    reader, writer = os.pipe()
    if os.fork() == 0:
        status = 1
        try:
            os.close(reader)
            with open(writer, "w") as file:
                json.dump(run(module, args, **modes), file)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader) as file:
        text = file.read()
    os.wait()
    return json.loads(text)


def main() -> None:
    tasks = json.load(sys.stdin)
    for module in {task[0] for task in tasks}:
        importlib.import_module(full_name(module))
    results = [
        run_in_child(module, args, check_mode=check_mode, diff_mode=diff_mode)
        for module, args, check_mode, diff_mode in tasks
    ]
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
