"""Lazy containers are to those who read them what plain ones are, and resolve each item once."""

import operator
from collections.abc import Callable
from typing import Any

import pytest

from lpse_ops.marked import Text
from lpse_ops.templating.lazy import LazyDict, LazyList
from lpse_ops.templating.markers import Marker, MarkerUsed

RESOLVED = {"t": "T", "u": Marker(name="nope")}


def resolve(value: Any) -> Any:
    return RESOLVED[value]


def lazy_list(*values: Any) -> LazyList:
    return LazyList(list(values), resolve)


def lazy_dict(**values: Any) -> LazyDict:
    return LazyDict(values, resolve)


LIST_READERS: list[Callable[[Any], Any]] = [
    list,
    sorted,
    repr,
    len,
    tuple,
    lambda x: x[0],
    lambda x: x[-2:],
    lambda x: list(reversed(x)),
    lambda x: "T" in x,
    lambda x: "t" in x,
    lambda x: x.index("T"),
    lambda x: x.count("T"),
    lambda x: x.copy(),
    lambda x: (x.pop(), x.pop(0)),
    lambda x: (x.remove("T"), list(x)),
    lambda x: (x.sort(reverse=True), list(x)),
    lambda x: operator.add(x, ["z"]),
    lambda x: operator.add(["z"], x),
    lambda x: x * 2,
    lambda x: 2 * x,
    lambda x: "-".join(x),
    lambda x: [x == ["a", "T", "b"], x != ["a", "T", "b"], x == x],
    *(
        lambda x, compare=compare: [compare(x, each) for each in (["a"], ["a", "T", "b"], ["z"])]
        for compare in (operator.lt, operator.le, operator.gt, operator.ge)
    ),
]

DICT_READERS: list[Callable[[Any], Any]] = [
    dict,
    list,
    len,
    repr,
    lambda x: {**x},
    lambda x: x["k"],
    lambda x: [x.get("k"), x.get("z"), x.get("z", 1)],
    lambda x: list(x.items()),
    lambda x: list(x.values()),
    lambda x: [x.pop("k"), x.pop("z", 1), len(x)],
    lambda x: [x.popitem(), x.popitem()],
    lambda x: [x.setdefault("k", 1), x.setdefault("z", 1)],
    lambda x: x.copy(),
    lambda x: x | {"z": 1},
    lambda x: {"z": 1} | x,
    lambda x: [x == {"k": "T", "a": 1}, x != {"k": "T", "a": 1}, x == x],
]


@pytest.mark.parametrize("read", LIST_READERS)
def test_a_lazy_list_reads_as_a_list(read):
    assert read(lazy_list("a", Text("t"), "b")) == read(["a", "T", "b"])


@pytest.mark.parametrize("read", DICT_READERS)
def test_a_lazy_dict_reads_as_a_dict(read):
    assert read(lazy_dict(k=Text("t"), a=1)) == read({"k": "T", "a": 1})


def test_what_is_plain_is_not_resolved_whatever_it_looks_like():
    assert lazy_list("t", Text("t")) == ["t", "T"]
    assert lazy_dict(a="t").popitem() == ("a", "t")


def test_what_is_undefined_can_be_passed_by_but_not_used():
    assert lazy_list("a", Text("u"))[0] == "a"
    assert lazy_dict(a=1, b=Text("u"))["a"] == 1
    for use in (LazyList.copy, len):
        use(lazy_list("a", Text("u")))
    uses: list[Callable[[Any], Any]] = [
        sorted,
        lambda x: operator.add(x, ["z"]),
        lambda x: x.index("z"),
        lambda x: x.count("z"),
        lambda x: x.remove("a"),
        lambda x: list(reversed(x)),
    ]
    for use in uses:
        with pytest.raises(MarkerUsed):
            use(lazy_list("a", Text("u")))
    with pytest.raises(MarkerUsed):
        lazy_dict(a=1, b=Text("u")).items()


def test_an_item_is_resolved_once():
    asked: list[str] = []

    def ask(value: Any) -> Any:
        asked.append(value)
        return "T"

    lists, dicts = LazyList([Text("t")], ask), LazyDict({"k": Text("t")}, ask)
    assert [lists[0], lists[0], dicts["k"], dicts["k"]] == ["T"] * 4
    assert asked == ["t", "t"]
