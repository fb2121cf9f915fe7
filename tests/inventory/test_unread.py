import pytest

from lpse_ops.inventory.unread import VarsFolder, unread_files
from tests.inventory.judges import write_site

KNOWN = ("all", "web", "db.yml", "db-1.example.go.id")


def unread(tmp_path, *names: str, is_complete: bool = True) -> list[str]:
    folder = write_site(tmp_path, dict.fromkeys(names, "a: 1\n"))
    faults = unread_files(VarsFolder(str(folder), "group", KNOWN, is_complete))
    return [fault.origin.file.removeprefix(f"{folder}/") for fault in faults]


@pytest.mark.parametrize(
    "name",
    [
        *("all", "web.yml", "web.yaml", "web.json", "web", "db.yml", "db.yml.yml"),
        *("db-1.example.go.id", "db-1.example.go.id.yml", "web/a.yml", "web/b", "web/sub/c.json"),
        *(".git", "web.yml~", "README.md", "NOTES.TXT", "web/README.md", "web/.hidden.ini"),
    ],
)
def test_these_are_read_or_not_meant_to_be(name, tmp_path):
    assert unread(tmp_path, name) == []


@pytest.mark.parametrize(
    "name",
    ["wbe.yml", "other", "web.yml.bak", "web.ini", "db", "db-1.yml", "web/a.toml", "web/x.d/a.yml"],
)
def test_nobody_reads_these(name, tmp_path):
    expected = "web/x.d" if name.startswith("web/x.d") else name
    assert unread(tmp_path, name) == [expected]


def test_of_files_for_one_name_the_first_is_read(tmp_path):
    found = unread(tmp_path, "web.yml", "web.json", "web/a.yml", "db.yml", "db.yml.json")
    assert found == ["db.yml.json", "web.yml", "web.json"]


def test_where_groups_may_be_that_nobody_saw_only_second_files_are_told(tmp_path):
    assert unread(tmp_path, "wbe.yml", "web.yml", "web", is_complete=False) == ["web.yml"]


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    folder = VarsFolder(str(tmp_path / "none"), "host", KNOWN, is_complete=True)
    assert list(unread_files(folder)) == []


def test_the_near_name_is_told(tmp_path):
    (tmp_path / "wbes.yml").write_text("")
    known = ("webs", "all")
    (fault,) = unread_files(VarsFolder(str(tmp_path), "group", known, is_complete=True))
    assert fault.message == "nobody reads this: there is no group 'wbes'"
    assert fault.hint.startswith("did you mean 'webs'? ")
