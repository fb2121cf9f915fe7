import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin, Sealed, Seq, Text, key_origin, origin_of, plain
from lpse_ops.markedbuild import MAX_DEPTH
from lpse_ops.markedyaml import MAX_BYTES, load_marked, parse_marked

# What YAML 1.1 makes of words; judged by ansible-core's own loader.
DOCUMENTS = [
    "a: [yes, No, on, OFF, y, n, true, ~, null, '', \"yes\"]",
    "a: [0644, 010, 0o14, 12:30:45, 1.10, 1e5, 1.0e+5, .5, -.inf, 0x1F, 1_000, '5', 0b11]",
    "a: [2026-11-21, 2026-11-21T10:00:00Z, 2026-11-21 10:00:00.5, 12:30]",
    "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {c: 4, <<: [{f: 1}, {f: 2, g: 3}]}",
    "a: {<<: {x: 1}, <<: {x: 2, y: 3}}",
    "a: &l [1, 2]\nb: [*l, *l]\nc: &s text\nd: *s",
    "a: |\n  one\n  two\nb: >-\n  one\n  two\nc: 'it''s'\nd: \"\\u00e9\\x41\"",
    "1: a\ntrue: b\nnull: c\n2.5: d\n2026-01-01: e",
    "a: !unsafe '5'\nb: !unsafe {c: '{{ x }}', d: [1, 'two']}\ne: !unsafe '{{ f }}'",
    "a: !!str 5\nb: !!int '6'\nc: !!float 7\nd: !!bool 'yes'\ne: !!binary aGFsbG8=",
    "a: !!set {x, y}",
    "[a, {b: c}]",
    "",
    "# nothing\n",
    "---\n- a\n...\n",
    "just text",
    '{"a": 1e5, "b": "\\ud83d\\ude00", "c": [true, null, 0.5], "d": "yes", "e\\/f": 12}',
    '{"a":\t[1,\n\t2]}',
    "\ufeffa: b",
    "a: b: c",
    "<<",
    "a: {{ b }}",
    "a: [1, 2",
    "a:\n\t- b",
    "a: *nowhere",
    "a: !nonsense b",
    "a: !!python/object:os.system x",
    "a: 2026-99-99",
    "- a\n---\n- b",
    "a: 'open",
    "? [a]\n: b",
    "a: !vault [x]",
    "a: \x07",
]

JUDGE = """
import datetime, json, sys
from ansible.parsing.dataloader import DataLoader
from ansible.errors import AnsibleError

def show(value):
    if isinstance(value, dict):
        return ["map"] + [[show(key), show(each)] for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return ["list"] + [show(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return ["set"] + sorted(str(each) for each in value)
    for kind in (bool, int, float, str, bytes, datetime.datetime, datetime.date):
        if isinstance(value, kind):
            shown = str.__str__(value) if kind is str else repr(kind_of(kind, value))
            return [kind.__name__, shown]
    return [repr(value)]

def kind_of(kind, value):
    return value.isoformat() if hasattr(value, "isoformat") else kind(value)

def judge(text):
    try:
        return show(DataLoader().load(text, file_name="/x.yml"))
    except AnsibleError:
        return "error"

print(json.dumps([judge(text) for text in json.load(sys.stdin)]))
"""


def show(value):
    """The same as the judge's, for what we read."""
    if isinstance(value, dict):
        return ["map"] + [[show(key), show(each)] for key, each in value.items()]
    if isinstance(value, list):
        return ["list"] + [show(each) for each in value]
    if isinstance(value, set):
        return ["set", *sorted(map(str, value))]
    for kind in (bool, int, float, str, bytes, datetime.datetime, datetime.date):
        if isinstance(value, kind):
            shown = value.isoformat() if hasattr(value, "isoformat") else kind(value)
            return [kind.__name__, str(value) if kind is str else repr(shown)]
    return [repr(value)]


def parse(text: str, warnings: list[str] | None = None):
    warn = (warnings if warnings is not None else []).append
    return parse_marked(text.encode(), "x.yml", warn=warn)


def outcome(text: str):
    try:
        return show(parse(text))
    except PlaybookError:
        return "error"


def failure(text: str | bytes) -> PlaybookError:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(PlaybookError) as caught:
        parse_marked(content, "x.yml", warn=[].append)
    assert caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def judged() -> dict[str, object]:
    """What ansible-core makes of every document, in one start of it."""
    done = subprocess.run(
        [sys.executable, "-c", JUDGE],
        input=json.dumps(DOCUMENTS),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(DOCUMENTS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("text", DOCUMENTS)
def test_reads_what_ansible_reads(judged, text):
    assert outcome(text) == judged[text]


def test_every_string_mapping_list_and_key_has_its_place():
    value = parse("site:\n  name: LPSE\n  list: [a, {b: 1}]\n")
    site = value["site"]
    assert (type(value), type(site), type(site["list"])) == (Map, Map, Seq)
    assert key_origin(value, "site") == Origin("x.yml", 1, 1)
    assert origin_of(site) == Origin("x.yml", 2, 3)
    assert origin_of(site["name"]) == Origin("x.yml", 2, 9)
    assert key_origin(site, "name") == Origin("x.yml", 2, 3)
    assert origin_of(site["list"][1]) == Origin("x.yml", 3, 13)
    assert plain(value) == {"site": {"name": "LPSE", "list": ["a", {"b": 1}]}}


def test_columns_count_characters():
    assert origin_of(parse("{é😀: é, a: b}")["a"]) == Origin("x.yml", 1, 12)


def test_only_what_is_not_marked_unsafe_is_a_template():
    value = parse("a: !unsafe '{{ x }}'\nb: !unsafe [{c: d}]\ne: '{{ x }}'")
    assert (type(value["a"]), type(value["e"])) == (str, Text)
    inner = value["b"][0]
    assert [type(each) for pair in inner.items() for each in pair] == [str, str]


def test_a_vault_value_stays_sealed_and_is_not_shown():
    value = parse("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nb: !vault-encrypted x\n")
    assert isinstance(value["a"], Sealed)
    assert value["a"].ciphertext == "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
    assert value["a"].origin == Origin("x.yml", 1, 4)
    assert "6162" not in repr(value)
    assert value["b"].ciphertext == "x"


@pytest.mark.parametrize("space", [" ", "\t"])
def test_json_has_its_own_way_to_say_vault_and_unsafe(space):
    text = """{"a": {"__ansible_vault":_"x"}, "b": {"__ansible_unsafe": "{{ y }}"},
        "c": {"__ansible_unsafe": 5}, "d": {"__ansible_vault": "x", "more": 1}}"""
    value = parse(text.replace('_"x', f'{space}"x'))
    assert isinstance(value["a"], Sealed)
    assert value["a"].ciphertext == "x"
    assert (type(value["b"]), value["b"]) == (str, "{{ y }}")
    assert value["c"] == {"__ansible_unsafe": 5}
    assert value["d"] == {"__ansible_vault": "x", "more": 1}
    assert parse("a: {__ansible_vault: x}")["a"] == {"__ansible_vault": "x"}


def test_a_key_that_appears_twice_is_a_warning_and_the_last_wins():
    warnings: list[str] = []
    assert parse("a: 1\nb: 2\na: 3\n", warnings) == {"a": 3, "b": 2}
    assert warnings == ["x.yml:3:1: Found duplicate mapping key 'a'; the last one is used"]


def test_a_key_that_appears_twice_may_be_an_error_or_nothing():
    warnings: list[str] = []
    read = {"name": "x.yml", "warn": warnings.append}
    assert parse_marked(b"a: 1\na: 3\n", duplicates="ignore", **read) == {"a": 3}
    assert warnings == []
    with pytest.raises(PlaybookError, match=r"^x\.yml:2:1: Found duplicate .* 'a'$") as caught:
        parse_marked(b"a: 1\na: 3\n", duplicates="error", **read)
    assert caught.value.hint == "remove one of the two"


def test_a_key_over_a_merged_one_is_no_duplicate_and_keeps_its_own_place():
    warnings: list[str] = []
    value = parse("x: &x {a: 1}\ny:\n  <<: *x\n  a: 2\n", warnings)
    assert value["y"] == {"a": 2}
    assert key_origin(value["y"], "a") == Origin("x.yml", 4, 3)
    assert warnings == []


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: {{ b }}", "x.yml:1:5: a key must be", "quotes around the template"),
        (
            "- name: x\n  a: b: c",
            "x.yml:2:7: YAML parsing failed: Mapping values",
            "quotes around a value",
        ),
        ("a:\n\t- b", "x.yml:2:1: ", "spaces instead of tabs"),
        ("a: 'b\nc: d\n", "x.yml:1:4: ", "close the quote"),
        ("- a: 1\n  tasks\n    - n: a\n", "x.yml:3:8: ", "the line before"),
        ("- a: 1\n b: 2\n", "x.yml:2:2: ", "like the lines above"),
        ("a: 'b' c", "x.yml:1:8: ", "quotes around the whole value"),
        ("a: *b", "x.yml:1:4: the alias *b names nothing above it", "this line"),
        ("a: &b [*b]", "x.yml:1:8: the alias *b stands inside", "this line"),
        ("a: !nonsense b", "x.yml:1:4: the tag '!nonsense'", "remove the tag"),
        ("a: !!omap [b: c]", "x.yml:1:4: the tag '!!omap'", "remove the tag"),
        ("a: 2026-99-99", "x.yml:1:4: this is not the timestamp", "quotes"),
        ("a: 1\n---\nb: 2", "x.yml:2:1: a second document", "split the file"),
        ("a: <<", "x.yml:1:4: '<<' is no value", "this line"),
        ("a: {<<: b}", "x.yml:1:9: '<<' needs a mapping", "this line"),
        ("a: " + "1" * 2000, "x.yml:1:4: this number is too long", "quotes"),
        ("!vault a: b", "x.yml:1:1: a key must be", "this line"),
        (b"a: \xff", "x.yml:1:4: not UTF-8", "UTF-8"),
        ("a: \x07", "x.yml:1:4: control character", "this line"),
        ("[" * (MAX_DEPTH + 1), f"x.yml:1:{MAX_DEPTH + 1}: nested deeper", "right file"),
        ('{"a":\t' + "[" * 200 + "]" * 200 + "}", "x.yml", "right file"),
        (b" " * (MAX_BYTES + 1), "x.yml is larger than 16 MiB", "right file"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(text, place, hint):
    error = failure(text)
    assert error.message.startswith(place)
    assert hint in error.hint


def test_aliases_expand_to_a_bounded_size():
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    assert "more than 1000000 values" in failure("\n".join(lines)).message


def test_aliases_nest_to_a_bounded_depth():
    lines = ["- &a0 [x]", *(f"- &a{n} [*a{n - 1}]" for n in range(1, 300))]
    assert "nested deeper" in failure("\n".join(lines)).message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_json_is_read_as_json(value):
    text = json.dumps([value])
    assert plain(parse(text)) == [value]


@given(st.binary(max_size=200) | st.text("[]{}:,-&*!|>'\"# \n\tab1<", max_size=60).map(str.encode))
def test_hostile_input_gives_a_value_or_a_playbook_error(content):
    message = "x.yml"
    try:
        parse_marked(content, "x.yml", warn=[].append)
    except PlaybookError as error:
        message = error.message
    assert message.startswith("x.yml")


def test_a_file_that_is_encrypted_as_a_whole_is_opened_first(tmp_path: Path):
    path = tmp_path / "vault.yml"
    path.write_bytes(b"$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    asked: list[tuple[bytes, str]] = []

    def open_sealed(content: bytes, name: str) -> bytes:
        asked.append((content, name))
        return b"a: b\n"

    value = load_marked(path, open_sealed=open_sealed, warn=print)
    assert value == {"a": "b"}
    assert origin_of(value["a"]) == Origin(str(path), 1, 4)
    assert asked == [(path.read_bytes(), str(path))]
    with pytest.raises(PlaybookError, match="is vault-encrypted") as caught:
        load_marked(path, warn=print)
    assert "--vault-password-file" in caught.value.hint


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(PlaybookError, match=r"cannot read .*nothing\.yml: No such file"):
        load_marked(tmp_path / "nothing.yml", warn=print)


def test_who_asks_is_told_where_every_key_and_its_value_stand():
    told = []
    text = b"a: 1\n2: {b: yes}\nc: &x\n  - d: e\nf: *x\na: 3\n"
    document = parse_marked(
        text,
        "f.yml",
        warn=[].append,
        note=lambda _, key, key_at, value_at: told.append((key, key_at[1:], value_at[1:])),
    )
    assert document["a"] == 3
    assert told == [
        ("a", (1, 1), (1, 4)),
        ("b", (2, 5), (2, 8)),
        (2, (2, 1), (2, 4)),
        ("d", (4, 5), (4, 8)),
        ("c", (3, 1), (3, 4)),
        ("f", (5, 1), (5, 4)),
        # A mapping keeps the key that came first.
        ("a", (1, 1), (6, 4)),
    ]
