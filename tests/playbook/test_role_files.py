"""Roles by names that no folder can have."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from tests.playbook.loading import load


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("~nosuchuser/x", "is no name of a file"),
        ('"a\\0b"', "is no name of a file"),
        ("x" * 300, "there is no role"),
    ],
)
def test_a_wrong_name_has_its_place(tmp_path: Path, name: str, message: str):
    with pytest.raises(PlaybookError, match=message) as refused:
        load(tmp_path, f"- hosts: all\n  roles:\n    - role: {name}\n")
    assert "site.yml:3" in refused.value.message
