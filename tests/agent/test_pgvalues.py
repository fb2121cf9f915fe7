"""Values as PostgreSQL writes them, beyond what the tests beside Ansible's module have."""

import pytest

from lpse_ops.agent.pgvalues import convert

INT_ARRAY, TEXT_ARRAY, TIMESTAMP, TIMESTAMPTZ, INTERVAL, BYTEA = 1007, 1009, 1114, 1184, 1186, 17


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (None, 23, None),
        ("{}", INT_ARRAY, []),
        ("{{1},{NULL}}", INT_ARRAY, [[1], [None]]),
        ("[-1:0]={1,2}", INT_ARRAY, [1, 2]),
        ('{"a\\"b","\\\\","{}",NULL,"NULL"}', TEXT_ARRAY, ['a"b', "\\", "{}", None, "NULL"]),
        # What is no array stays what it is.
        ("{1,2", INT_ARRAY, "{1,2"),
        ("{1}2", INT_ARRAY, "{1}2"),
        ("", TEXT_ARRAY, ""),
        ("infinity", TIMESTAMP, "infinity"),
        ("0044-03-15 12:00:00 BC", TIMESTAMP, "0044-03-15 12:00:00 BC"),
        ("12024-02-29 03:04:05", TIMESTAMP, "12024-02-29T03:04:05"),
        ("2024-02-29 03:04:05-03:30", TIMESTAMPTZ, "2024-02-29T03:04:05-03:30"),
        ("-1 years -2 mons +3 days", INTERVAL, "-422 days, 0:00:00"),
        ("\\x", BYTEA, ""),
        ("tulisan", 999999, "tulisan"),
    ],
)
def test_values(text, kind, value):
    assert convert(text, kind) == value
