"""A wheel brings playbooks, roles and inventory, whole and without what programs left behind."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lpse_ops.cli.shipped import SHIPPED, site_files

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built of a copy: setuptools leaves folders in the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    files = ["pyproject.toml", "README.md", "LICENSE", "ansible.cfg"]
    folders = ["lpse_ops", "playbooks", "roles", "inventory"]
    subprocess.run(["cp", "-a", *files, *folders, folder], cwd=PROJECT, check=True)
    cache = folder / "roles/spse/files/steprunner/__pycache__"
    cache.mkdir(exist_ok=True)
    for name in ("program.cpython-311.pyc", "state.json"):
        (cache / name).write_text("left behind")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "built"]
    subprocess.run([*pip, "."], cwd=folder, check=True)
    [built] = (folder / "built").iterdir()
    return zipfile.ZipFile(built)


def test_it_holds_what_is_laid_out(wheel):
    names = wheel.namelist()
    shipped = {str(path): content for path, content in site_files()}
    assert {"ansible.cfg", "lpse-ops.yml", "inventory/hosts.yml"} < set(shipped)
    for path, content in shipped.items():
        places = {f"lpse_ops/shipped/{path}", f"lpse_ops/cli/site/{path}"} & set(names)
        assert [wheel.read(place) for place in places] == [content], path


def test_it_holds_nothing_else(wheel):
    shipped = {f"lpse_ops/shipped/{path}" for path, _ in site_files()}
    found = {name for name in wheel.namelist() if name.startswith("lpse_ops/shipped/")}
    assert found <= shipped
    assert not [name for name in wheel.namelist() if "cache" in name.rpartition("/")[0]]


def test_the_links_lead_to_the_folders_at_the_top():
    """As an editable install has them."""
    for name in ("playbooks", "roles", "inventory"):
        assert (SHIPPED / name).resolve() == PROJECT / name
