import pytest

from lpse_ops.documents.plaintext import LONGEST, clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  satu\n dua\t tiga ", "satu dua tiga"),
        ("a\x00b\x1b[31m", "a�b�[31m"),
        ("ab\N{RIGHT-TO-LEFT OVERRIDE}cd", "ab�cd"),
        ("a\ud800b", "a�b"),
        ("\ue000", "�"),
        ("e\N{COMBINING ACUTE ACCENT}", "é"),
        ("x" + "\N{COMBINING ACUTE ACCENT}" * 50, "x" + "\N{COMBINING ACUTE ACCENT}" * 2),
        ("#{{ }} <b>", "#{{ }} <b>"),
        ("", ""),
    ],
)
def test_one_visible_line_is_left(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    ["a" * 10_000_000, "kata " * 100_000, " " * 10_000_000 + "a"],
    ids=["a letter", "words", "blanks"],
)
def test_what_is_cut_says_so(text):
    shown = clean(text)
    assert len(shown) <= LONGEST
    assert shown.endswith("…")


def test_what_just_fits_is_whole():
    assert clean("a" * LONGEST) == "a" * LONGEST
    assert clean("abcdef", 5) == "abcd…"
