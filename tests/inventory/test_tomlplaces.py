import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.inventory.tomlplaces import find_places

TEXT = """\
# a comment with [brackets] and x = 1
top = "a # b" # c
[web.vars]
"quoted key" = '''
lines ] }'''
a.b.c = 1979-05-27T07:32:00Z
list = [ # first
  1, "two, ]", [3, {x = 4, "y z" = [5]}],
]
[[table]]
n = 1
[[table]]
n = \"""x\\\"""y\"""
[table.sub]
m = true
"""


def every_path(value: object, path: tuple = ()) -> Iterator[tuple]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs if isinstance(value, dict | list) else ():
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from every_path(each, (*path, key))


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("top",), "top =", '"a # b"'),
        (("web", "vars"), "vars]", "vars]"),
        (("web", "vars", "quoted key"), '"quoted', "'''"),
        (("web", "vars", "a", "b", "c"), "c =", "1979"),
        (("web", "vars", "list", 1), '"two', '"two'),
        (("web", "vars", "list", 2, 1, "x"), "x =", "4"),
        (("web", "vars", "list", 2, 1, "y z"), '"y z"', "[5]"),
        (("table", 0, "n"), "n = 1", "1"),
        (("table", 1, "n"), 'n = """', '"""x'),
        (("table", 1, "sub", "m"), "m =", "true"),
    ],
)
def test_a_key_and_its_value_are_found_where_they_stand(path, key, value):
    span = find_places(TEXT)[path]
    assert TEXT[span.key :].startswith(key)
    assert TEXT[span.value :].startswith(value)


def test_nothing_that_the_library_reads_is_without_a_place():
    found = find_places(TEXT).keys()
    missing = [path for path in every_path(tomllib.loads(TEXT)) if path not in found]
    # The tables of a list of tables are in no line of their own.
    assert missing == [("table", 0), ("table", 1)]


KEYS = st.sampled_from(["a", "b-c", '"q.k"', "'s'", '"\\u00e9"'])
VALUES = st.recursive(
    st.sampled_from(["1", "true", '"x"', "'y'", '"""\nm"""', "'''n'''", "1.5e3", "07:32:00"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{k} = {v}" for k, v in table.items()) + "}"
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_every_value_of_whatever_is_read_has_a_place(table):
    text = "".join(f"{key} = {value}\n" for key, value in table.items())
    found = find_places(text)
    assert set(every_path(tomllib.loads(text))) <= found.keys()
