"""The runner needs nothing but Python 3.6, by its grammar and by what it calls."""

import ast
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

from tests.agent.test_python36 import NEWER, NEWER_ARGUMENTS, NEWER_METHODS, imported
from tests.spse_steps.conftest import RUNNER

FILES = sorted(RUNNER.rglob("*.py"))


TREES = [
    (path.relative_to(RUNNER).as_posix(), ast.parse(path.read_text(), feature_version=(3, 6)))
    for path in FILES
]


def test_nothing_but_the_standard_library():
    for file, tree in TREES:
        for module, name in imported(tree):
            top = module.partition(".")[0]
            assert top in sys.stdlib_module_names or top == "spse_steps", (file, module)
            banned = NEWER.get(module)
            assert banned is None or (name not in banned and banned != []), (file, module, name)


def test_no_name_or_argument_is_newer():
    for file, tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                assert node.attr not in NEWER_METHODS, (file, node.lineno, node.attr)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names = {keyword.arg for keyword in node.keywords}
                assert not names & NEWER_ARGUMENTS, (file, node.lineno)


def test_every_module_says_what_it_is():
    assert [file for file, tree in TREES if not ast.get_docstring(tree)] == []


def test_the_program_leaves_nothing_beside_its_modules(tmp_path: Path):
    """What the role copies stays as it is; only for ``__main__`` it is too late."""
    copied = tmp_path / "steprunner"
    shutil.copytree(RUNNER, copied)
    argv = [sys.executable, "-I", copied, "--folder", tmp_path / "state", "status"]
    subprocess.run(argv, check=True, capture_output=True)
    found = [path for path in copied.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert [path.parent.parent.name for path in found] == ["steprunner"]


def test_nothing_but_sources_is_in_the_folder():
    found = {path.suffix for path in RUNNER.rglob("*") if path.is_file()}
    assert found == {".py"}


@pytest.mark.parametrize("is_zipped", [False, True])
def test_it_runs_alone_with_nothing_of_ours_installed(tmp_path: Path, is_zipped):
    program = RUNNER
    if is_zipped:
        program = tmp_path / "steprunner.pyz"
        zipapp.create_archive(RUNNER, program)
    argv = [sys.executable, "-I", "-S", "-B", program, "--folder", tmp_path / "state", "status"]
    ended = subprocess.run(argv, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "nothing was ever upgraded" in ended.stdout
