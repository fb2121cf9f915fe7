"""Small text files as lines."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.textlines import read_text, split_lines, write_text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a\n"]),
        ("a\n\nb\n", ["a\n", "\n", "b\n"]),
        ("a\r\n\x0c", ["a\r\n", "\x0c\n"]),
    ],
)
def test_lines(text, lines):
    assert split_lines(text) == lines


def test_bytes_that_are_no_text_stay(tmp_path):
    (tmp_path / "f").write_bytes(b"\xff\n")
    text = read_text(str(tmp_path / "f"))
    write_text(str(tmp_path / "f"), text + "a\n")
    assert (tmp_path / "f").read_bytes() == b"\xff\na\n"


def test_a_link_stays_one(tmp_path):
    (tmp_path / "l").symlink_to("f")
    write_text(str(tmp_path / "l"), "a\n", mode="0640")
    assert (tmp_path / "l").is_symlink()
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640


def test_no_file_and_no_such_kind_of_file(tmp_path):
    assert read_text(str(tmp_path / "f")) is None
    with pytest.raises(Failed, match="cannot read"):
        read_text(str(tmp_path))
