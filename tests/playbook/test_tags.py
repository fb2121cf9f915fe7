"""Which tasks tags choose; ``test_listing`` compares with ansible-playbook."""

import pytest

from lpse_ops.marked import Map, Seq, Text
from lpse_ops.playbook.model import Keywords
from lpse_ops.playbook.tags import selected, tag_values, tags_of

ALL = ["all"]
CASES = [
    ([], ALL, [], True),
    (["a"], ALL, [], True),
    (["never"], ALL, [], False),
    (["never", "a"], ALL, [], False),
    (["never", "a"], ["a"], [], True),
    (["never"], ["never"], [], True),
    (["always"], ["a"], [], True),
    (["always", "never"], ["b"], [], True),
    (["a"], ["b"], [], False),
    ([], ["a"], [], False),
    ([], ["untagged"], [], True),
    (["a"], ["untagged"], [], False),
    (["a"], ["tagged"], [], True),
    ([], ["tagged"], [], False),
    (["never", "a"], ["tagged"], [], False),
    (["a"], ALL, ["a"], False),
    ([], ALL, ["a"], True),
    ([], ALL, ["untagged"], False),
    (["a"], ALL, ["tagged"], False),
    ([], ALL, ["tagged"], True),
    (["always"], ALL, ["all"], True),
    (["always"], ALL, ["all", "always"], False),
    (["a"], ["a"], ["all"], False),
    (["always"], ALL, ["always"], False),
    (["a", "b"], ["a"], ["b"], False),
]


@pytest.mark.parametrize(("tags", "only", "skip", "expected"), CASES)
def test_what_runs(tags, only, skip, expected):
    assert selected(tags, only, skip) is expected


def test_tags_of_all_places_around_with_templates_resolved():
    play = Keywords(Map({"tags": Text("a, b")}), None, "play")
    block = Keywords(Map({"tags": Text("{{ more }}")}), play, "block")
    task = Keywords(Map({"tags": Seq([Text("own"), 5])}), block)
    answers = {"{{ more }}": ["c", "d"]}
    assert tags_of(task, answers.__getitem__) == {"a", "b", "c", "d", "own", "5"}


def test_commas_separate_tags_only_in_a_text():
    assert tag_values(Text("a, b")) == ["a", "b"]
    assert tag_values(Seq([Text("a, b")])) == ["a, b"]
    assert tag_values(Text("{{ x, y }}")) == ["{{ x, y }}"]
    assert tag_values(None) == []
