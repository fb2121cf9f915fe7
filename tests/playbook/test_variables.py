"""Layers of variables, and what merging does with them."""

from lpse_ops.marked import Map, Origin, Text
from lpse_ops.playbook.variables import Blended, Variables, blend


def test_the_strongest_layer_that_has_a_name_says_its_value():
    variables = Variables([{"a": 1}, {}, {"a": 2, "b": 3}])
    assert (variables["a"], variables["b"], variables.get("c", 4)) == (1, 3, 4)
    assert "b" in variables
    assert "c" not in variables
    assert dict(variables) == {"a": 1, "b": 3}
    assert len(variables) == 2


def test_a_layer_above_wins_and_leaves_what_is_below_as_it_was():
    below = Variables([{"a": 1}])
    assert below.above({"a": 2}, {"a": 3, "b": 4})["a"] == 2
    assert dict(below) == {"a": 1}


def test_some_names_are_asked_for_at_once():
    variables = Variables([{"a": 1}, {"a": 2, "b": None}, {"c": 3}])
    assert variables.among(frozenset({"a", "b", "d"})) == {"a": 1, "b": None}


def test_of_mappings_of_one_name_all_keys_are_seen():
    layers = [{"m": {"a": 1}}, {"m": Map({"a": 2, "n": {"x": 1}})}, {"m": {"n": {"y": 2}}, "k": 0}]
    blended = Blended(layers)
    assert blended["m"] == {"n": {"y": 2, "x": 1}, "a": 1}
    assert (list(blended), len(blended), "k" in blended, "z" in blended) == (
        ["m", "k"], 2, True, False,
    )  # fmt: skip
    assert layers[2] == {"m": {"n": {"y": 2}}, "k": 0}


def test_what_is_no_mapping_takes_the_place_of_what_is_below():
    assert Blended([{"m": {"a": 1}}, {"m": [1]}, {"m": {"b": 2}}])["m"] == {"a": 1}
    assert blend({"a": 1}, [2]) == [2]
    assert blend(Text("{{ x }}"), {"a": 1}) == {"a": 1}


def test_what_is_blended_is_still_trusted_only_where_a_person_wrote_it():
    below = Map({Text("t"): Text("{{ x }}")}, origin=Origin("a.yml", 1, 1))
    blended = blend(below, {"h": "{{ x }}"})
    assert type(blended) is Map
    assert (type(blended["t"]), type(blended["h"])) == (Text, str)
