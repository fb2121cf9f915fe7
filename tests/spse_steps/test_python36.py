"""The runner needs nothing but Python 3.6, by its grammar and by what it calls."""

import ast
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

from tests.agent.test_python36 import NEWER, NEWER_ARGUMENTS, NEWER_METHODS, imported
from tests.spse_steps.conftest import RUNNER

FILES = sorted(RUNNER.rglob("*.py"))


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(RUNNER).as_posix())
def tree(request):
    return ast.parse(request.param.read_text(), str(request.param), feature_version=(3, 6))


def test_nothing_but_the_standard_library(tree):
    for module, name in imported(tree):
        top = module.partition(".")[0]
        assert top in sys.stdlib_module_names or top == "spse_steps", module
        banned = NEWER.get(module)
        assert banned is None or (name not in banned and banned != []), f"{module}.{name}"


def test_no_name_or_argument_is_newer(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in NEWER_METHODS, f"line {node.lineno}: {node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = {keyword.arg for keyword in node.keywords}
            assert not names & NEWER_ARGUMENTS, f"line {node.lineno}"


def test_every_module_says_what_it_is(tree):
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("is_zipped", [False, True])
def test_it_runs_alone_with_nothing_of_ours_installed(tmp_path: Path, is_zipped):
    program = RUNNER
    if is_zipped:
        program = tmp_path / "steprunner.pyz"
        zipapp.create_archive(RUNNER, program)
    argv = [sys.executable, "-I", "-S", program, "--folder", tmp_path / "state", "status"]
    ended = subprocess.run(argv, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "nothing was ever upgraded" in ended.stdout
