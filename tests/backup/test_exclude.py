from pathlib import Path

import pytest

from lpse_ops.backup.exclude import (
    CACHE_TAG,
    Excludes,
    IfPresent,
    Includes,
    kept_names,
    lower_path,
    parse_if_present,
    parse_pattern_file,
    parse_size,
)
from lpse_ops.backup.localsource import has_mark
from lpse_ops.errors import UsageError


@pytest.mark.parametrize(
    ("patterns", "path", "rejected"),
    [
        (["*.tmp"], b"/srv/a.tmp", True),
        (["*.tmp"], b"/srv/a.tmp/below", True),
        (["*.tmp"], b"/srv/a.tmpx", False),
        (["/srv/a"], b"/srv/a/b", True),
        (["/srv/a"], b"/x/srv/a", False),
        (["srv/a"], b"/x/srv/a", True),
        (["/srv/**/c"], b"/srv/c", True),
        (["/srv/**/c"], b"/srv/a/b/c", True),
        (["/"], b"/", True),
        (["*"], b"/", True),
        (["["], b"/x", None),
        ([""], b"/x", False),
        ([], b"/x", False),
        (["*", "!/srv", "a"], b"/srv/b", False),
        (["*", "!/srv", "a"], b"/srv/a", True),
        (["?"], b"/\xff", True),
        (["?"], b"/\xc3\xa9", True),
        (["[é]"], b"/\xc3\xa9", True),
        (["[^a]"], b"/\xff", True),
        (["[\ufffd]"], b"/\xff", True),
        (["[!-~]*"], b"/a", True),
        (["[+-0]"], b"/a/b", False),
    ],
)
def test_rejects(patterns: list[str], path: bytes, rejected: bool | None) -> None:
    if rejected is None:
        with pytest.raises(UsageError):
            Excludes(patterns)
    else:
        assert Excludes(patterns).rejects(path) is rejected


def test_insensitive_patterns_are_a_list_of_their_own() -> None:
    excludes = Excludes(["*.tmp"], ["*.PDF", "!keep.pdf"])
    assert excludes.rejects(b"/a.tmp")
    assert excludes.rejects("/É.Pdf".encode())
    assert not excludes.rejects(b"/KEEP.PDF")
    assert not excludes.rejects(b"/a.TMP")


def test_a_malformed_pattern_is_named_with_a_hint() -> None:
    with pytest.raises(UsageError, match=r"'\[a'") as refused:
        Excludes(["[a"])
    assert r"\[" in refused.value.hint
    with pytest.raises(UsageError, match="backslash"):
        Includes(["a\\"])


@pytest.mark.parametrize(
    ("path", "selected", "inside"),
    [
        (b"/srv", False, True),
        (b"/srv/a", False, True),
        (b"/srv/a/b", True, True),
        (b"/srv/a/b/c", True, True),
        (b"/srv/x", False, False),
        (b"/other", False, False),
    ],
)
def test_includes_lead_the_way_to_what_they_select(
    path: bytes, selected: bool, inside: bool
) -> None:
    assert Includes(["/srv/*a/b"]).selected(path, is_dir=True) == (selected, inside)
    assert Includes([], ["/SRV/*A/b"]).selected(path, is_dir=True) == (selected, inside)
    assert Includes(["/srv/*a/b"]).selected(path, is_dir=False) == (selected, False)


def test_includes_of_names_anywhere_look_everywhere() -> None:
    assert Includes(["b"]).selected(b"/srv", is_dir=True) == (False, True)
    assert Includes(["/**/b"]).selected(b"/srv", is_dir=True) == (False, True)
    assert Includes(["/srv/**"]).selected(b"/srv/a/b", is_dir=True) == (True, True)
    assert Includes(["/srv", "!a"]).selected(b"/srv/a", is_dir=True) == (False, False)
    assert Includes([""]).selected(b"/srv", is_dir=True) == (False, False)


def test_what_a_restore_excludes_it_does_not_enter() -> None:
    assert Excludes(["a"]).selected(b"/a", is_dir=True) == (False, False)
    assert Excludes(["a"]).selected(b"/b", is_dir=True) == (True, True)
    assert Excludes(["a"]).selected(b"/b", is_dir=False) == (True, False)


@pytest.mark.parametrize(
    ("path", "lowered"),
    [
        (b"/ABC", b"/abc"),
        ("/ÉΣ".encode(), "/éσ".encode()),
        ("/İ".encode(), b"/i"),
        (b"/A\xff", "/a\ufffd".encode()),
    ],
)
def test_lower_path(path: bytes, lowered: bytes) -> None:
    assert lower_path(path) == lowered


@pytest.mark.parametrize(
    ("content", "patterns"),
    [
        (b"a\n b \r\n\n#c\n", ["a", "b"]),
        (b"\xef\xbb\xbfa", ["a"]),
        ("a\nb".encode("utf-16"), ["a", "b"]),
        (b"\xfe\xff\x00a", ["a"]),
        (b"\xff", ["\udcff"]),
        (b"$HOME/x ${HOME}y $NONE. $$ $ ${} ${x $1a $-b", ["/root/x /rooty . $ $  x a b"]),
    ],
)
def test_parse_pattern_file(content: bytes, patterns: list[str]) -> None:
    assert parse_pattern_file(content, {"HOME": "/root"}) == patterns


def test_if_present(tmp_path: Path) -> None:
    (tmp_path / "mark").write_bytes(b"header and more")
    (tmp_path / "folder").mkdir()
    here = bytes(tmp_path)
    assert parse_if_present("mark:head:er") == IfPresent(b"mark", b"head:er")
    assert has_mark(here, b"mark", b"")
    assert has_mark(here, b"mark", b"header")
    assert has_mark(here, b"folder", b"")
    assert not has_mark(here, b"mark", b"other")
    assert not has_mark(here, b"folder", b"x")
    assert not has_mark(here, b"missing", b"")
    assert parse_if_present(CACHE_TAG).name == b"CACHEDIR.TAG"
    for spec in ("", ":header"):
        with pytest.raises(UsageError) as refused:
            parse_if_present(spec)
        assert "--exclude-if-present" in refused.value.hint


def test_kept_names(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    rules = [IfPresent(b"a"), IfPresent(b"a", b""), IfPresent(b"c")]
    assert kept_names([], bytes(tmp_path), has_mark) is None
    assert kept_names(rules, bytes(tmp_path), has_mark) == frozenset([b"a"])
    assert kept_names([*rules, IfPresent(b"b")], bytes(tmp_path), has_mark) == frozenset()


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("+7", 7), ("10b", 10), ("1k", 1024), ("2M", 2 << 20), ("3G", 3 << 30)],
)
def test_parse_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5G", "1kb", "١", "1 k"])
def test_not_a_size(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_size(text)
    assert "--exclude-larger-than" in refused.value.hint
