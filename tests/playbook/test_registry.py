"""What modules there are is told to whoever reads the README."""

import re
from pathlib import Path

import pytest

from lpse_ops.playbook.registry import module_names

ROOT = Path(__file__).parents[2]
# Another name of systemd.
NOT_TOLD = {"systemd_service"}


@pytest.mark.parametrize("name", ["README.md", "README.id.md"])
def test_the_readme_names_every_module(name: str):
    section = re.search(r"^\| (For|Untuk) \| \|$.*?^$", (ROOT / name).read_text(), re.M | re.S)
    assert section is not None
    rows = section.group().splitlines()[2:]
    told = re.findall(r"`(\w+)`", "\n".join(rows))
    assert sorted(told) == sorted(module_names() - NOT_TOLD)
