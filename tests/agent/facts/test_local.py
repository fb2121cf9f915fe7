import pytest

from lpse_ops.agent.facts.local import parse_fact, read_local


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('{"a": [1]}', {"a": [1]}),
        ("[s]\nA = b\n", {"s": {"a": "b"}}),
        ("[s]\na = 50%\n", {"s": {"a": "50%"}}),
        ("[s]\na = %(b)s\nb = c", {"s": {"a": "c", "b": "c"}}),
    ],
)
def test_facts_are_json_or_ini(text, fact):
    assert parse_fact(text, "x.fact") == fact


def test_what_is_neither_is_said_in_its_place(tmp_path):
    (tmp_path / "a.fact").write_text("garbage")
    (tmp_path / "b.fact").write_text("1")
    warnings: list[str] = []
    facts = read_local(str(tmp_path), warnings.append)["local"]
    assert facts["b"] == 1
    assert facts["a"] == warnings[0]
    assert "please check content" in facts["a"]


def test_a_folder_that_is_not_there_holds_no_facts():
    assert read_local("/nowhere", print) == {"local": {}}
