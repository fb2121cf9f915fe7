from lpse_ops.inventory.places import Places
from lpse_ops.marked import Map, Origin, Text
from lpse_ops.markedyaml import parse_marked

TEXT = b"""\
a: 1
5: {b: yes, true: x}
c:
  - d: 2
a: 3
"""


def at(line: int, column: int) -> Origin:
    return Origin("f.yml", line, column)


def read() -> tuple[Map, Places]:
    places = Places()
    return parse_marked(TEXT, "f.yml", warn=[].append, note=places.note), places


def test_keys_and_values_of_every_kind_have_places():
    document, places = read()
    assert (places.of_key(document, 5), places.of_value(document, 5)) == (at(2, 1), at(2, 4))
    inner = document[5]
    assert (places.of_key(inner, "b"), places.of_value(inner, "b")) == (at(2, 5), at(2, 8))
    assert (places.of_key(inner, True), places.of_value(inner, True)) == (at(2, 13), at(2, 19))
    item = document["c"][0]
    assert places.of_value(item, "d") == at(4, 8)


def test_a_key_that_is_there_twice_leads_to_the_value_that_counts():
    document, places = read()
    assert document["a"] == 3
    assert (places.of_key(document, "a"), places.of_value(document, "a")) == (at(1, 1), at(5, 4))


def test_what_was_never_noted_has_no_place():
    places = Places()
    assert places.of_key(Map({5: 1}), 5) is None
    assert places.of_value(Map({"a": 1}), "a") is None
    assert places.behind(at(1, 2)) == at(1, 2)
    assert places.of_key(Map({Text("a", at(3, 4)): 1}), "a") == at(3, 4)
