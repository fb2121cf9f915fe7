import dataclasses
import json
from datetime import UTC, datetime

import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.facts import DatabaseFacts, parse_facts
from lpse_ops.postgres.properties import (
    DatabaseGrant,
    DatabaseProperties,
    DatabaseSetting,
    Locale,
)
from lpse_ops.postgres.rowcounts import RowCounts

FACTS = DatabaseFacts(
    "epns_prod",
    "15.18 (Debian 15.18-0+deb12u1)",
    150018,
    "15.18",
    datetime(2023, 2, 23, 5, 43, 0, 123456, tzinfo=UTC),
    123_456_789,
    DatabaseProperties(
        "epns",
        Locale("UTF8", "id_ID.UTF-8", "id_ID.UTF-8", "icu", "id-ID"),
        "pg_default",
        -1,
        "basis data",
        (DatabaseGrant("CONNECT", "", "epns", grantable=False),),
        (DatabaseSetting("search_path", "public", None),),
    ),
    {"plpgsql": "1.0"},
    7,
    RowCounts("exact", {"public.paket": 3}, ("public.lain",)),
)


@pytest.mark.parametrize("grants", [FACTS.properties.grants, None, ()])
def test_through_json_and_back(grants):
    properties = dataclasses.replace(FACTS.properties, grants=grants)
    facts = dataclasses.replace(FACTS, properties=properties)
    assert parse_facts(json.loads(json.dumps(facts.to_json()))) == facts


def test_json_is_plain_to_read():
    values = FACTS.to_json()
    assert values["snapshot_time"] == "2023-02-23T05:43:00.123456+00:00"
    assert values["properties"]["locale"]["encoding"] == "UTF8"
    assert values["row_counts"]["tables"] == {"public.paket": 3}


@pytest.mark.parametrize("key", ["name", "snapshot_time", "properties", "row_counts"])
def test_a_manifest_without_something_is_an_error(key):
    values = FACTS.to_json()
    del values[key]
    with pytest.raises(PostgresError) as failed:
        parse_facts(values)
    assert "pg_restore" in failed.value.hint
