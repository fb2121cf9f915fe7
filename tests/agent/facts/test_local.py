import re

import pytest

from lpse_ops.agent.facts.local import parse_fact, read_local


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('{"a": [1]}', {"a": [1]}),
        ("[s]\nA = b\n", {"s": {"a": "b"}}),
        ("[s]\na = %(b)s\nb = c", {"s": {"a": "c", "b": "c"}}),
        ("[DEFAULT]\nd = 1\n[s]\na = b\n", {"s": {"a": "b", "d": "1"}}),
        ("", {}),
    ],
)
def test_facts_are_json_or_ini(text, fact):
    assert parse_fact(text.encode(), "x.fact") == fact


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"garbage", "error loading facts as JSON or ini - please check content: x.fact"),
        (b"[s]\na = 50%\n", "error loading facts as ini - please check content: x.fact ('%' must"),
        (b'"\xff"', 'error loading fact - output of running "x.fact" was not utf-8'),
        (b"[" * 100_000, "Failed to convert (x.fact) to JSON: "),
    ],
)
def test_what_is_neither_is_said_in_ansibles_words(content, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_fact(content, "x.fact")


@pytest.fixture
def folder(tmp_path):
    programs = {
        "good": "#!/bin/sh\necho '{\"ran\": true}'\n",
        "failing": "#!/bin/sh\necho no >&2\nexit 3\n",
        "broken": "#!/nowhere/at/all\n",
    }
    for name, text in programs.items():
        (tmp_path / f"{name}.fact").write_text(text)
        (tmp_path / f"{name}.fact").chmod(0o755)
    (tmp_path / "plain.fact").write_text("1")
    (tmp_path / "garbage.fact").write_text("garbage")
    (tmp_path / "folder.fact").mkdir(mode=0o600)
    (tmp_path / "dead.fact").symlink_to("nowhere")
    (tmp_path / "other").write_text("2")
    return tmp_path


def test_each_file_is_a_fact_or_says_what_is_wrong_with_it(folder):
    warnings: list[str] = []
    facts = read_local(str(folder), warnings.append)["local"]
    # What cannot be read is as if it were empty.
    assert {name: facts.pop(name) for name in ("plain", "good", "folder")} == {
        "plain": 1,
        "good": {"ran": True},
        "folder": {},
    }
    assert sorted(warnings) == sorted(facts.values())
    script = folder / "failing.fact"
    assert facts.pop("failing") == f"Failure executing fact script ({script}), rc: 3, err: no\n"
    starts = {name: text.partition(" (")[0] for name, text in facts.items()}
    assert starts == {
        "broken": "Could not execute fact script",
        "garbage": f"error loading facts as JSON or ini - please check content: {folder}"
        "/garbage.fact",
        "dead": "Could not stat fact",
    }


def test_a_folder_that_is_not_there_holds_no_facts():
    assert read_local("/nowhere", print) == {"local": {}}
