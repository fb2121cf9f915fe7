"""Names and values in SQL text: also what wants to be more than that."""

import pytest

from lpse_ops.agent.pgquoting import QuotingError, fill, identifier, literal


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epns", '"epns"'),
        ('a"b', '"a""b"'),
        ('"; DROP ROLE x; --', '"""; DROP ROLE x; --"'),
        ("a.b", '"a.b"'),
        ("é\\'", '"é\\\'"'),
    ],
)
def test_names(name, text):
    assert identifier(name) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "true"),
        (3, "3"),
        # Two signs after one another would begin a comment.
        (-3, " -3"),
        (-1.5, " -1.5"),
        (float("inf"), "'Infinity'::float8"),
        ("", "''"),
        ("O'Brien", "'O''Brien'"),
        ("'; DROP ROLE x; --", "'''; DROP ROLE x; --'"),
        ("\\'", " E'\\\\'''"),
        ([1, 2], "'{1, 2}'"),
    ],
)
def test_values(value, text):
    assert literal(value) == text


@pytest.mark.parametrize("write", [identifier, literal])
def test_nothing_ends_early(write):
    with pytest.raises(QuotingError, match="NUL"):
        write("a\0b")


def test_what_has_no_form_in_sql():
    with pytest.raises(QuotingError, match="cannot adapt type 'dict'"):
        literal({})


@pytest.mark.parametrize(
    ("query", "values", "text"),
    [
        ("SELECT 5 % 2, '%s'", None, "SELECT 5 % 2, '%s'"),
        ("SELECT %s, %%", ["%s"], "SELECT '%s', %"),
        ("SELECT %s, %s", ["%s", 1], "SELECT '%s', 1"),
        ("SELECT %(a)s, %(b)s", {"a": "%(b)s", "b": 1}, "SELECT '%(b)s', 1"),
    ],
)
def test_values_in_their_places(query, values, text):
    assert fill(query, values) == text


@pytest.mark.parametrize(
    ("query", "values", "reason"),
    [
        ("%s", [1, 2], "the query has 1 placeholders but 2 parameters were passed"),
        ("%(a)s", [1], "should be a mapping"),
        ("%s", {"a": 1}, "should be a sequence"),
        ("%(a)s", {"b": 1}, "query parameter missing: a"),
        ("%d", [1], "got '%d'"),
        ("100%", [1], "incomplete placeholder: '%'"),
        ("%(a)d", {"a": 1}, "got"),
    ],
)
def test_values_that_do_not_fit(query, values, reason):
    with pytest.raises(QuotingError, match=reason.replace("(", r"\(")):
        fill(query, values)
