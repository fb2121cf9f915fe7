import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import Policy
from lpse_ops.inventory.load import expand_source, folders_beside, load_tree
from lpse_ops.inventory.sources import Reading
from tests.inventory.judges import write_site


def test_a_shared_folder_counts_at_its_last_mention(tmp_path):
    write_site(tmp_path, {"a/one": "", "a/two": "", "b/one": ""})
    a, b = tmp_path / "a", tmp_path / "b"
    assert folders_beside([f"{a}/one", str(b), "x,y", f"{a}/two"]) == [str(b), str(a)]


def test_a_source_may_begin_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/sari")
    monkeypatch.setenv("SITE", "contoh")
    assert expand_source("~/$SITE/hosts") == "/home/sari/contoh/hosts"
    assert expand_source("~,$SITE") == "~,$SITE"


LENIENT = Policy(missing_warns=True, none_warns=True)
NOTHING = "No inventory was parsed, only implicit localhost is available"


@pytest.mark.parametrize(
    ("sources", "warnings"),
    [
        (["i", "i"], []),
        (["i", "none"], ["none"]),
        (["i/empty", "i"], ["i/empty"]),
        (["none"], ["none", NOTHING]),
        (["i/empty"], ["i/empty", NOTHING]),
        ([], [NOTHING]),
    ],
)
def test_what_is_not_there_is_a_warning_where_that_is_allowed(
    tmp_path, monkeypatch, sources, warnings
):
    write_site(tmp_path, {"i/a": "[web]\nh1\n", "i/empty/note.txt": "no inventory"})
    monkeypatch.chdir(tmp_path)
    told = []
    load_tree(sources, Reading(None, told.append, pytest.fail), LENIENT)
    assert told == [
        each if each == NOTHING else f"Unable to parse {tmp_path}/{each} as an inventory source"
        for each in warnings
    ]


def test_what_is_broken_is_an_error_even_so(tmp_path):
    write_site(tmp_path, {"i/a": "[web]\nh1\n", "i/b": "[web]\nh3 x\n"})
    with pytest.raises(InventoryError, match="i/b:2:4: 'x' sets no variable"):
        load_tree([str(tmp_path / "i")], Reading(None, print, pytest.fail), LENIENT)


def test_what_is_not_there_is_an_error_otherwise(tmp_path):
    with pytest.raises(InventoryError, match="none: No such file"):
        load_tree([str(tmp_path / "none")], Reading(None, print, pytest.fail), Policy())
