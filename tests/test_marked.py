"""Values that know where they were written, and how they lose that."""

import copy
import pickle

import pytest

from lpse_ops.marked import (
    Map,
    Origin,
    Revealed,
    Sealed,
    Seq,
    Text,
    every_text,
    key_origin,
    origin_of,
    plain,
)

PLACE = Origin("x.yml", 3, 5)


@pytest.mark.parametrize(
    ("origin", "shown"),
    [(PLACE, "x.yml:3:5"), (Origin("x.yml", 3), "x.yml:3"), (Origin("x.yml"), "x.yml")],
)
def test_a_place_is_written_as_editors_read_it(origin: Origin, shown: str):
    assert str(origin) == shown


def test_a_copy_of_a_text_keeps_its_place():
    text = Text("a", PLACE)
    for copied in (copy.copy(text), copy.deepcopy([text])[0], pickle.loads(pickle.dumps(text))):
        assert (copied, type(copied), copied.origin) == ("a", Text, PLACE)


def test_what_is_made_of_a_text_has_no_place():
    made = [Text("a b", PLACE).upper(), Text("a", PLACE) + "b", *Text("a b", PLACE).split()]
    assert [type(each) for each in made] == [str] * 4
    assert origin_of(made[0]) is None


def test_every_string_of_a_person_is_found_in_keys_and_values():
    value = Map({Text("a"): Seq([Text("b"), "host", 5, {"c": (Text("d"),)}]), 6: Revealed("e")})
    assert list(every_text(value)) == ["a", "b", "d"]


def test_plain_values_have_no_places():
    value = plain(Map({Text("a"): Seq([Text("b"), Revealed("c"), (1, None)])}, origin=PLACE))
    assert value == {"a": ["b", "c", [1, None]]}
    assert [type(each) for each in (value, *value, *value["a"])] == [dict, str, str, str, list]


def test_a_key_has_a_place_of_its_own():
    assert key_origin(Map({Text("a", PLACE): 1}), "a") == PLACE
    assert key_origin(Map({Text("a", PLACE): 1}), "b") is None


def test_a_secret_is_never_shown():
    assert repr(Sealed("6162", PLACE)) == "<a vault-encrypted value>"
