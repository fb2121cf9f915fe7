"""What real restics say of many more patterns is in ``test_exclude_against_restic.py``."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.pathpattern import parse_pattern
from lpse_ops.errors import UsageError


def matches(pattern: str, path: bytes) -> bool:
    return re.search(parse_pattern(pattern).match, path) is not None


@pytest.mark.parametrize(
    ("pattern", "matched", "not_matched"),
    [
        ("a", [b"/a", b"/a/b", b"/x/a"], [b"/ab", b"/"]),
        ("/a", [b"/a", b"/a/b"], [b"/x/a", b"/"]),
        ("/", [b"/", b"/a/b"], []),
        ("**", [b"/", b"/a", b"/a/b"], []),
        ("**/**/**/**", [b"/a/b"], [b"/a"]),
        ("/**/**/**", [b"/a/b"], [b"/a"]),
        ("**/a/**", [b"/a", b"/x/a/y"], [b"/x"]),
        ("a/**/b", [b"/a/b", b"/x/a/1/2/b/y"], [b"/a", b"/b/a"]),
        ("/a/**/b/**", [b"/a/b/c", b"/a/1/b/c"], [b"/a/1/b"]),
        ("a/**/b/**/c", [b"/a/b/c", b"/a/1/b/2/3/c"], [b"/a/c", b"/a/b/1"]),
        ("a/**/b/**/c/**", [b"/a/b/c/d", b"/a/1/b/c/d", b"/x/a/1/b/c"], [b"/a/1/b/c"]),
        ("a*b*c", [b"/abc", b"/a1b2c", b"/abbcc"], [b"/ab", b"/a/b/c"]),
        (r"\*[*][[]", [b"/**["], [b"/a*["]),
        ("[z-a]", [], [b"/a", b"/z", b"/-"]),
        ("[^z-a]", [b"/a", b"/\xff"], [b"/ab"]),
        ("[\ufffd]", [b"/\xff", b"/\xef\xbf\xbd"], [b"/a", b"/\xc3\xa9"]),
        ("\udcc3*", [b"/\xc3\xa9"], [b"/a"]),
    ],
)
def test_match(pattern: str, matched: list[bytes], not_matched: list[bytes]) -> None:
    assert [path for path in matched if not matches(pattern, path)] == []
    assert [path for path in not_matched if matches(pattern, path)] == []


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "[a-]", "[-a]", "[\udcff]", "a\\", "![a/b]"])
def test_malformed(pattern: str) -> None:
    with pytest.raises(UsageError, match="malformed") as refused:
        parse_pattern(pattern)
    assert "--exclude" in refused.value.hint


@pytest.mark.parametrize("pattern", ["a", "**/a", "/**/a", "/"])
def test_may_lie_anywhere(pattern: str) -> None:
    assert parse_pattern(pattern).approach is None


def test_approach_ends_at_the_first_gap() -> None:
    approach = parse_pattern("!/a/b/**/c").approach
    assert approach is not None
    ways = [b"/a", b"/a/b", b"/a/b/x/y", b"/ab", b"/x", b"/a/x"]
    assert [way for way in ways if re.search(approach, way)] == ways[:3]


@given(
    st.integers(0, 0x10FFFF),
    st.integers(0, 0x10FFFF),
    st.characters(codec="utf-8", exclude_characters="/\0"),
)
def test_a_class_holds_exactly_its_range(low: int, high: int, character: str) -> None:
    bounds = [chr(one) for one in (low, high)]
    if any("\ud800" <= one <= "\udfff" or one == "/" for one in bounds):
        return
    pattern = "[\\{}-\\{}]".format(*bounds)
    expected = low <= ord(character) <= high
    assert matches(pattern, b"/" + character.encode()) is expected
    assert matches("[^" + pattern[1:], b"/" + character.encode()) is not expected


@given(st.binary(min_size=1).filter(lambda name: not {0, 47} & {*name}))
def test_a_question_mark_for_each_character_matches_any_name(name: bytes) -> None:
    characters = len(name.decode("utf-8", "surrogateescape"))
    assert matches("?" * characters, b"/" + name)
    assert not matches("?" * (characters + 1), b"/" + name)
