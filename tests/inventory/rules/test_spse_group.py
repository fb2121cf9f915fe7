import pytest

from tests.inventory.rules.fleetsites import faults, places, see

RULE = "spse-group"


@pytest.mark.parametrize("name", ["SPSE", "Spse", "spse_prod", "spse-latihan", "sspe", "spes"])
def test_a_group_that_is_nearly_the_right_one_is_found(name, tmp_path):
    files = {"hosts.ini": f"[web]\nb\n[{name}]\na\n[{name}:vars]\nx=1\n"}
    assert places(RULE, tmp_path, files) == ["hosts.ini:3:1"]
    assert faults(RULE, see(tmp_path, files))[0].subject == name


@pytest.mark.parametrize(
    "text",
    [
        "[spse]\na\n[SPSE]\nb\n",
        "[spse:children]\nspse_prod\n[spse_prod]\na\n",
        "[web]\na\n",
        "[lpse]\na\n",
        "[spare]\na\n",
        "[pse]\na\n[e]\nb\n",
        "a\n",
    ],
)
def test_other_groups_are_let_be(text, tmp_path):
    assert places(RULE, tmp_path, {"hosts.ini": text}) == []
