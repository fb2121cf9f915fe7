"""Small files of the web: fetched, or refused with a reason."""

import pytest

from lpse_ops.agent.fetching import FetchProblem, fetch_bytes


def test_a_small_file(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 100_000)
    assert fetch_bytes((tmp_path / "f").as_uri(), validate_certs=True) == b"x" * 100_000


def test_a_file_that_no_key_can_be(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * (9 << 20))
    with pytest.raises(FetchProblem, match="larger than"):
        fetch_bytes((tmp_path / "f").as_uri(), validate_certs=True)


@pytest.mark.parametrize(
    "url", ["http://sari:rahasia@127.0.0.1:1/key", "file:///nihil", "nihil://x", "http://[x/"]
)
def test_what_is_not_there(url):
    with pytest.raises(FetchProblem) as problem:
        fetch_bytes(url, validate_certs=True)
    assert "rahasia" not in str(problem.value)
