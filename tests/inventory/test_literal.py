import pytest

from lpse_ops.inventory.literal import read_literal
from lpse_ops.marked import Map, Origin, Seq, Text, every_text

HERE = Origin("hosts.ini", 3, 7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("0x1F", 31),
        ("1.50", 1.5),
        ("True", True),
        ("None", None),
        ("yes", "yes"),
        ("010", "010"),
        ("'5'", "5"),
        ("", ""),
        ("[1, 'a']", [1, "a"]),
        ("(1, 2)", [1, 2]),
        ("{'a': {'b': 'c'}}", {"a": {"b": "c"}}),
        ("1j", "1j"),
        ("...", "..."),
        ("[..., 2j]", ["...", "2j"]),
        ("{{ x }}", "{{ x }}"),
        ("a # b", "a # b"),
        ("5 # b", 5),
    ],
)
def test_a_value_is_a_python_literal_or_text(text, expected):
    assert read_literal(text, HERE) == expected


def test_every_string_knows_its_place():
    value = read_literal("{'a': ['b', {'c': 'd'}]}", HERE)
    assert isinstance(value, Map)
    assert isinstance(value["a"], Seq)
    assert [each.origin for each in every_text(value)] == [HERE] * 4


def test_bytes_are_never_a_template():
    assert type(read_literal("b'{{ x }}'", HERE)) is str


@pytest.mark.parametrize("text", ["(" * 5000, "[" * 90 + "]" * 90, "-" * 9000 + "1", "9" * 200_000])
def test_what_would_overwhelm_the_parser_stays_text_or_is_read(text):
    value = read_literal(text, HERE)
    assert isinstance(value, Text | Seq | int)


def test_a_warning_of_python_is_not_shown(recwarn):
    assert read_literal("'\\d'", HERE) == "\\d"
    assert not recwarn.list
