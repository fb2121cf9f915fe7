import contextlib
import os
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.errors import SettingsError
from lpse_ops.yamlfile import (
    MAX_BYTES,
    Position,
    load_yaml,
    parse_yaml,
    set_scalar,
    with_scalar,
)

SAMPLE = """\
# é 😀
site:
  name: LPSE
list: [a, {b: 1}]
"""

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def parse(text: str):
    return parse_yaml(text.encode(), "x.yml")


def failure(content: bytes) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse_yaml(content, "x.yml")
    assert caught.value.hint
    return caught.value


def test_every_key_and_value_has_its_place():
    document = parse(SAMPLE)
    assert document.value == {"site": {"name": "LPSE"}, "list": ["a", {"b": 1}]}
    assert document.place_of(("site", "name")) == "x.yml:3:9"
    assert document.place_of(("site", "name"), key=True) == "x.yml:3:3"
    assert document.place_of(("list", 1, "b"), key=True) == "x.yml:4:12"


def test_what_is_not_there_has_the_place_of_its_parent():
    document = parse(SAMPLE)
    assert document.position_of(("site", "slug", 3)) == document.position_of(("site",))
    assert document.place_of(("nothing",)) == "x.yml:2:1"
    assert document.place_of(("list", 0), key=True) == "x.yml:4:1"
    assert parse("").position_of(("a",), key=True) == Position(1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("\ufeffa: b", {"a": "b"}),
        ("a: 2026-01-02", {"a": "2026-01-02"}),
        ("a: 2026-01-02 10:00:00", {"a": "2026-01-02 10:00:00"}),
        ("a: =", {"a": "="}),
        ("a: [yes, 0x10, 1.5, ~, '1']", {"a": [True, 16, 1.5, None, "1"]}),
        ("1: a\n~: b", {1: "a", None: "b"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)
def test_values(text, value):
    assert parse(text).value == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: 2\na: 3", "x.yml:3:1: duplicate key 'a', first seen in line 1"),
        (b"1: a\ntrue: b", "x.yml:2:1: duplicate key True, first seen in line 1"),
        (b"a: 1\n---\nb: 2", "x.yml:2:1: expected a single document"),
        (b"a:\n - \xff", "x.yml:2:4: not UTF-8"),
        (b"\xef\xbb\xbfa:\n - \xff", "x.yml:2:4: not UTF-8"),
        ("é: \x01".encode(), "x.yml:1:4: control character '\\x01'"),
        (b"a: [1\nb: 2", "x.yml:2:2: while parsing a flow sequence"),
        (b"\ta: 1", "x.yml:1:1: "),
        (b"a: *b", "x.yml:1:4: found undefined alias"),
        (b"[" * 100_000, "x.yml:1:65: nested deeper than 64 levels"),
        (b"a: " + b"{a: " * 64 + b"}" * 64, "nested deeper than 64 levels"),
        (LAUGHS.encode(), "x.yml:1:24: aliases expand too far"),
        (b"a: &a [*a]", "x.yml:1:4: aliases expand too far"),
        (b"a: !!python/object/apply:os.system [id]", "!!python/object/apply:os.system"),
        (b"a: !vault x", "x.yml:1:4: '!vault' is not supported here"),
        (b"!!set {a}", "'!!set' is not supported here"),
        (b"!!omap [a: 1]", "'!!omap' is not supported here"),
        (b"<<: {a: 1}", "'!!merge' is not supported here"),
        (b"? [a]\n: b", "x.yml:1:3: a key must be a single word or number"),
        (b"a: !!int b", "x.yml:1:4: this is not the number it says it is"),
        (b"a: !!int ''", "this is not the number it says it is"),
        (b"a: !!bool maybe", "this is not the number it says it is"),
        (b"a: " + b"1" * 5000, "x.yml:1:4: this number is too long"),
        (b"a: 1" + b":59" * 100_000, "x.yml:1:4: this number is too long"),
        (b"#" * (MAX_BYTES + 1), "x.yml is larger than 4 MiB"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(content, message):
    assert message in failure(content).message


@given(st.binary(max_size=200))
def test_no_content_escapes_as_another_error(content):
    with contextlib.suppress(SettingsError):
        parse_yaml(content, "x.yml")


@given(st.text(alphabet="ab: -[]{}&*!|>'\"#\n,?~1%@", max_size=60))
def test_what_is_read_is_what_pyyaml_reads(text):
    try:
        value = parse(text).value
    except SettingsError:
        return
    assert repr(value) == repr(yaml.load(text, Loader=yaml.CSafeLoader))


def test_a_file_is_read_under_its_name(tmp_path):
    (tmp_path / "a.yml").write_text(SAMPLE)
    assert load_yaml(tmp_path / "a.yml").name == str(tmp_path / "a.yml")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read .*none.yml: No such file"):
        load_yaml(tmp_path / "none.yml")


def test_something_endless_is_not_read_whole():
    with pytest.raises(SettingsError, match="larger than"):
        load_yaml(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("d:\n- name: a # hi\n", "d:\n- name: a # hi\n  id: ab12\n"),
        ("d:\n- name: a", "d:\n- name: a\n  id: ab12"),
        (
            "d:\n  - name: é😀 # c\n\n    # x\n    disk: {a: 1}   # y\n# z\nz: 1\n",
            "d:\n  - name: é😀 # c\n\n    # x\n    disk: {a: 1}   # y\n    id: ab12\n# z\nz: 1\n",
        ),
        (
            "d:\r\n  - name: a\r\n    disk:\r\n      a: 1\r\nz: 1\r\n",
            "d:\r\n  - name: a\r\n    id: ab12\r\n    disk:\r\n      a: 1\r\nz: 1\r\n",
        ),
        (
            "d:\n  - {name: a, disk: {u: 1}} # hi\n",
            "d:\n  - {name: a, disk: {u: 1}, id: ab12} # hi\n",
        ),
        ("d:\n  - {name: a,\n  }\n", "d:\n  - {name: a, id: ab12,\n  }\n"),
        ("d: [{}]", "d: [{id: ab12}]"),
        ("d:\n- id: 'old'   # why\n  name: a", "d:\n- id: ab12   # why\n  name: a"),
        ("d:\n- id:   # fill\n  name: a", "d:\n- id: ab12   # fill\n  name: a"),
    ],
)
def test_one_value_is_set_and_all_else_stays(text, edited):
    assert with_scalar(text, ("d", 0, "id"), "ab12", "x.yml") == edited


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d: x",
        "d: []",
        "d: [x]",
        "- a",
        "d:\n- id: |\n    foo\n\n  name: a",
        "d:\n- &x {a: 1}\n- *x\n",
        "d:\n- disk:\n    a: 1\n",
        "d:\n- ? a\n  : 1\n",
    ],
)
def test_what_only_a_human_can_edit_is_left_alone(text):
    with pytest.raises(SettingsError) as caught:
        with_scalar(text, ("d", 0, "id"), "ab12", "x.yml")
    assert "write `id: ab12` into x.yml" in caught.value.hint


# Stored line by line, so no line breaks of any kind; nor what no YAML may hold.
one_line = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=80)


@given(one_line, st.sampled_from(["d: {a: 1}\n", "d:\n  a: 1 # c\n", "d: {id: x}", "d:\n  id:\n"]))
def test_any_text_reads_back_as_itself(value, text):
    try:
        edited = with_scalar(text, ("d", "id"), value, "x.yml")
    except SettingsError:
        assert not value.isprintable()
    else:
        assert parse(edited).value["d"]["id"] == value


def test_text_that_looks_like_a_number_is_quoted():
    assert with_scalar("a: b\n", ("id",), "0123456", "x.yml") == 'a: b\nid: "0123456"\n'


def test_a_file_keeps_its_mode_and_mark_and_link(tmp_path):
    path = tmp_path / "a.yml"
    path.write_bytes(b"\xef\xbb\xbfa: b\r\n")
    path.chmod(0o640)
    link = tmp_path / "link.yml"
    link.symlink_to(path)
    set_scalar(link, ("c",), "d")
    assert path.read_bytes() == b"\xef\xbb\xbfa: b\r\nc: d\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["a.yml", "link.yml"]


def test_a_file_that_cannot_be_written_says_what_to_write():
    # This is YAML, and not even root makes a file beside it.
    path = Path("/proc/self/io")
    with pytest.raises(SettingsError) as caught:
        set_scalar(path, ("c",), "d")
    assert "cannot write /proc/self/io" in caught.value.message
    assert "write `c: d` into /proc/self/io yourself" in caught.value.hint
