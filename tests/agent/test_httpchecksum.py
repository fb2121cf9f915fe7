"""Checksums that tasks of ``get_url`` name."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.httpchecksum import parse_checksum, parse_digest_lines, url_filename


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ab12  file.txt", "file.txt"),
        ("ab12 *file.txt", "file.txt"),
        ("ab12  ./file.txt", "file.txt"),
        ("ab12 file.txt", "file.txt"),
        ("ab12  a file.txt", "a file.txt"),
        ("SHA256 (file.txt) = ab12", "file.txt"),
        ("SHA256(file.txt)= ab12", "file.txt"),
    ],
)
def test_lines_of_lists(line, name):
    assert parse_digest_lines(["# no line", "", line])[-1] == (name, "ab12")


def no_web(url):
    raise AssertionError(url)


def test_checksums():
    assert parse_checksum("", "http://a/b", no_web) is None
    assert parse_checksum("md5: AB12\u200b", "http://a/b", no_web) == ("md5", "ab12")
    with pytest.raises(Failed, match="with algorithm 'sha'"):
        parse_checksum("sha:12", "http://a/b", no_web)


def test_a_list_of_the_web_has_the_line_of_the_file():
    lists = {"https://a/SUMS": "11  other\n22  b.txt\n33  b.txt\n"}
    found = parse_checksum("sha256:https://a/SUMS", "https://a/c/b.txt?x=1", lists.__getitem__)
    assert found == ("sha256", "22")
    with pytest.raises(Failed, match="Unable to find a checksum for file 'c' in"):
        parse_checksum("sha256:https://a/SUMS", "https://a/c", lists.__getitem__)


@pytest.mark.parametrize(
    ("url", "name"),
    [("http://a/b/c.txt?x", "c.txt"), ("http://a", "index.html"), ("http://a/..", "index.html")],
)
def test_the_name_in_a_url(url, name):
    assert url_filename(url) == name
