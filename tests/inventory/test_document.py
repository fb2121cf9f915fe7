from datetime import date

import pytest

from lpse_ops.inventory.document import SEALED, to_json, to_line, to_yaml
from lpse_ops.marked import Map, Sealed, Seq, Text
from lpse_ops.markedyaml import parse_marked

SECRET = Sealed("$ANSIBLE_VAULT;1.1;AES256\n6162\n")


def test_json_has_sorted_keys_and_marks_what_is_no_template():
    value = {"b": "from a host", "a": Text("{{ x }}"), True: SECRET, "d": date(2026, 1, 2)}
    assert to_json(value, mark_unsafe=True).split() == [
        *("{", '"a":', '"{{', "x", '}}",'),
        *('"b":', "{", '"__ansible_unsafe":', '"from', "a", 'host"', "},"),
        *('"d":', '"2026-01-02",'),
        *('"true":', "{", '"__ansible_vault":', '"$ANSIBLE_VAULT;1.1;AES256\\n6162\\n"', "}", "}"),
    ]


@pytest.mark.parametrize("value", [b"\xff", {1, 2}, (1, [None]), float("inf"), {None: {1: 2}}])
def test_json_can_be_written_of_anything_that_yaml_can_hold(value):
    assert to_json({"x": value}, mark_unsafe=False)


def test_yaml_is_read_back_as_it_was():
    value = Map({Text("s"): SECRET, Text("l"): Seq([Text("a\nb"), 1, None, date(2026, 1, 2)])})
    read = parse_marked(to_yaml([value, value]).encode(), "x", warn=pytest.fail)
    assert read[1]["l"] == value["l"]
    assert read[1]["s"].ciphertext == SECRET.ciphertext


def test_a_line_for_a_person_never_shows_a_sealed_value():
    assert to_line(SECRET) == SEALED
    assert to_line(Map({Text("a"): Seq([SECRET, Text("b")])})) == f"{{'a': ['{SEALED}', 'b']}}"
    assert to_line(Text("plain")) == "plain"
