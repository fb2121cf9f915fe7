import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.tomlsource import parse_toml
from lpse_ops.marked import every_text


def test_children_become_groups_and_every_string_knows_its_place():
    groups = parse_toml('[web]\nchildren = ["a", "b"]\n[web.hosts.h]\nx = "{{ y }}"\n', "h.toml")
    assert groups == {"web": {"children": {"a": None, "b": None}, "hosts": {"h": {"x": "{{ y }}"}}}}
    places = {str(each): each.origin[1:] for each in every_text(groups)}
    assert {each.origin.file for each in every_text(groups)} == {"h.toml"}
    assert (places["children"], places["a"], places["b"]) == ((2, 1), (2, 13), (2, 18))
    assert (places["hosts"], places["h"]) == ((3, 6), (3, 12))
    assert (places["x"], places["{{ y }}"]) == ((4, 1), (4, 5))


@pytest.mark.parametrize("text", ["[web\n", "[web]\nx = [\n", "x = " + "[" * 5000])
def test_what_is_no_toml_is_an_error_with_its_place(text):
    with pytest.raises(InventoryError, match=r"^h\.toml") as wrong:
        parse_toml(text, "h.toml")
    assert "YAML" in wrong.value.hint
