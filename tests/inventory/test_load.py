import pytest

from lpse_ops.errors import InventoryError
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


def test_one_broken_file_leaves_nothing_of_itself(tmp_path):
    write_site(tmp_path, {"i/a": "[web]\nh1\n", "i/b": "[db]\nh2\n[web]\nh3 x\n", "i/c": "h4\n"})
    warnings = []
    reading = Reading(None, warnings.append, pytest.fail)
    loaded = load_tree([str(tmp_path / "i")], reading, strict=False)
    assert list(loaded.tree.hosts) == ["h1", "h4"]
    assert "db" not in loaded.tree.groups
    assert warnings == [f"{tmp_path}/i/b:4:4: 'x' sets no variable; left out"]
    with pytest.raises(InventoryError, match="sets no variable"):
        load_tree([str(tmp_path / "i")], reading, strict=True)
