"""Importing from memory, in a process of its own: its finder comes before everything else."""

import subprocess
import sys
from pathlib import Path

import lpse_ops.agent.loader
from lpse_ops.remote.sources import module_sources, sources_of

LOADER = Path(lpse_ops.agent.loader.__file__).read_text()


def run(code):
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{LOADER}\n{code}"], capture_output=True, text=True
    )
    return done.stdout.strip(), done.stderr


def test_modules_come_from_memory_even_where_lpse_ops_is_installed():
    output, errors = run(
        'finder = MemoryFinder({"lpse_ops.agent.frames": "WHO = __name__"})\n'
        "sys.meta_path.insert(0, finder)\n"
        "from lpse_ops.agent import frames\n"
        "print(frames.WHO, frames.__file__ if hasattr(frames, '__file__') else None)\n"
        'finder.add("lpse_ops.agent.modules.x", "import lpse_ops.agent.frames as f; Y = f.WHO")\n'
        "from lpse_ops.agent.modules import x\n"
        "print(x.Y)\n"
        "import lpse_ops.errors\n"
    )
    assert output.splitlines() == ["lpse_ops.agent.frames None", "lpse_ops.agent.frames"]
    assert "ModuleNotFoundError: No module named 'lpse_ops.errors'" in errors


def test_a_traceback_shows_the_lines():
    _, errors = run(
        'sys.meta_path.insert(0, MemoryFinder({"lpse_ops.x": "def f():\\n    return 1 / 0"}))\n'
        "import traceback, lpse_ops.x\n"
        "try:\n    lpse_ops.x.f()\n"
        "except ZeroDivisionError:\n    traceback.print_exc()\n"
    )
    assert 'File "lpse-ops:lpse_ops/x.py", line 2, in f\n    return 1 / 0' in errors


def test_what_is_there_stays():
    output, _ = run(
        'finder = MemoryFinder({"lpse_ops.x": "A = 1"})\n'
        'finder.add("lpse_ops.x", "A = 2")\n'
        'print(finder.get_source("lpse_ops.x"))\n'
    )
    assert output == "A = 1"


def test_a_module_travels_with_all_that_it_imports():
    names = set(module_sources("ping"))
    assert {"lpse_ops.agent.modules.ping", "lpse_ops.agent.context"} <= names
    assert "lpse_ops.agent.core" not in names


def test_the_agent_travels_without_modules():
    assert not [name for name in sources_of("lpse_ops.agent.entry") if ".modules." in name]
