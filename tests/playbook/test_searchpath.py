"""Where files are looked for."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin
from lpse_ops.playbook.model import Keywords, Role, RoleMeta, Task
from lpse_ops.playbook.searchpath import find_file


def make_task(folder: Path, *, in_role: bool) -> Task:
    keywords = Keywords(Map())
    home = folder / "roles" / "web"
    role = Role("web", home, keywords, Map(), Map(), Map(), RoleMeta(), "web") if in_role else None
    place = home / "tasks" / "main.yml" if in_role else folder / "tasks" / "more.yml"
    return Task(keywords, None, "copy", "copy", Map(), Origin(str(place), 1, 1), (2, 0), role)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("roles/web/files", "roles/web/tasks", "tasks/files", "files"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def put(site: Path, *names: str) -> None:
    for name in names:
        (site / name).write_text(name)


def test_a_role_comes_first(site: Path):
    put(site, "roles/web/files/a", "roles/web/tasks/a", "files/a", "a")
    task = make_task(site, in_role=True)
    for name in ("roles/web/files/a", "roles/web/tasks/a", "files/a", "a"):
        assert find_file(task, site, "files", "a") == site / name
        (site / name).unlink()


def test_outside_a_role_the_file_of_the_task_comes_first(site: Path):
    put(site, "tasks/files/a", "tasks/a", "files/a", "a")
    task = make_task(site, in_role=False)
    for name in ("tasks/files/a", "tasks/a", "files/a", "a"):
        assert find_file(task, site, "files", "a") == site / name
        (site / name).unlink()


def test_without_a_task_it_lies_beside_the_play(site: Path):
    put(site, "files/a")
    assert find_file(None, site, "files", "a") == site / "files" / "a"


def test_an_absolute_name_is_taken_as_it_is(site: Path):
    put(site, "a")
    assert find_file(None, Path("/"), "files", str(site / "a")) == site / "a"


def test_what_is_nowhere_names_all_places(site: Path):
    with pytest.raises(PlaybookError) as refused:
        find_file(make_task(site, in_role=True), site, "files", "none")
    assert "'none'" in refused.value.message
    for place in ("roles/web/files/none", "files/none"):
        assert str(site / place) in refused.value.message
    assert "remote_src" in refused.value.hint


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a\0b", "~a\0b/x", "\ud800"])
def test_what_can_be_no_name_of_a_file_is_refused(site: Path, name: str):
    with pytest.raises(PlaybookError, match="is no name of a file") as refused:
        find_file(None, site, "files", name)
    assert "~" in refused.value.hint


def test_a_name_that_is_too_long_is_nowhere(site: Path):
    with pytest.raises(PlaybookError, match="Could not find"):
        find_file(None, site, "files", "x" * 300)
