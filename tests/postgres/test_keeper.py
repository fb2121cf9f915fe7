"""What the keeper of a scratch server sees; ``test_apart.py`` has it keep real ones."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lpse_ops.postgres import keeper


def test_children_are_found_with_and_without_the_kernels_list() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            assert child.pid in keeper.find_children_of(os.getpid())
            assert child.pid in keeper.find_children()
        finally:
            child.kill()
    assert child.pid not in keeper.find_children_of(os.getpid())


def test_a_name_with_brackets_hides_no_child(tmp_path: Path) -> None:
    for pid, name, parent in ((7, "sh", 1), (8, ") R 7 (", 7), (9, "x y", 7)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0")
    (tmp_path / "10").mkdir()  # ended meanwhile
    assert sorted(keeper.find_children_of(7, tmp_path)) == [8, 9]


def test_the_script_reports_once_and_removes_the_folder_at_the_end_of_its_input(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    (data / "base").mkdir(parents=True)
    fails = ["sh", "-c", "echo no room >&2; exit 3"]
    argv = [sys.executable, "-I", "-S", keeper.__file__, data, "", *fails]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"status": 3, "stderr": "no room\n"}
        assert data.exists()
    assert process.returncode == 0
    assert not data.exists()
