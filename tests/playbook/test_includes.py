"""Names of task files and roles that no file can have."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.includes import find_tasks_file
from tests.playbook.test_searchpath import make_task


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a\0b"])
def test_a_wrong_name_has_its_place(tmp_path: Path, name: str):
    with pytest.raises(PlaybookError, match="is no name of a file") as refused:
        find_tasks_file(make_task(tmp_path, in_role=False), name, tmp_path)
    assert "more.yml:1" in refused.value.message


def test_a_name_that_is_too_long_is_nowhere(tmp_path: Path):
    with pytest.raises(PlaybookError, match="there is no file"):
        find_tasks_file(make_task(tmp_path, in_role=False), "x" * 300, tmp_path)
