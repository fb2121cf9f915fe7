"""``postgresql_ext`` beside the collection's, with extensions that PostgreSQL itself brings."""

from typing import Any

import pytest

from tests.agent.modules.onpostgres.steps import Side, Step, assert_same
from tests.agent.thishost import run_task

pytestmark = pytest.mark.xdist_group("postgres-modules")

LOOK = """SELECT extname, extversion, nspname, obj_description(e.oid, 'pg_extension') AS comment
    FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace ORDER BY 1"""


def ext(title: str, name: str, **args: Any) -> Step:
    return Step(title, "postgresql_ext", {"login_db": "postgres", "name": name, **args}, LOOK)


STEPS = [
    ext("an extension", "pgcrypto"),
    ext("a comment", "pgcrypto", comment="it's for hashes"),
    ext("no comment", "pgcrypto", comment=""),
    ext("there in the latest version", "pgcrypto", version="latest"),
    ext("in a schema", "citext", schema="pg_catalog"),
    ext("in an old version", "hstore", version="1.4"),
    ext("in a newer one", "hstore", version="1.5"),
    ext("in the latest", "hstore", version="latest"),
    ext("in none", "hstore", version="99"),
    ext("new in a version that is none", "ltree", version="99"),
    ext("that needs another", "earthdistance", cascade=True),
    ext("that needs one that is not there", "hstore_plpython3u"),
    ext("that there is not", "nihil"),
    ext("gone", "pgcrypto", state="absent"),
    ext("gone, and a version", "pgcrypto", state="absent", version="1.0"),
    ext("gone, but another needs it", "cube", state="absent"),
    ext("gone with what needs it", "cube", state="absent", cascade=True),
    ext("not trusted", "x' --", trust_input=False),
]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_the_collection(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


@pytest.mark.parametrize("check_mode", [True, False])
def test_there_is_no_way_back(done: Any, ours: Side, *, check_mode: bool):
    """The collection's says in check mode that it would go there."""
    args = ours.args_of({"login_db": "postgres", "name": "hstore", "version": "1.1"})
    result = run_task("postgresql_ext", args, ours.folder, check_mode=check_mode)
    assert "has no valid update path from the currently installed version '1.8'" in result["msg"]
