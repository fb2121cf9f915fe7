"""``postgresql_user`` beside the collection's."""

from typing import Any

import pytest

from tests.agent.modules.onpostgres.steps import Side, Step, assert_same
from tests.agent.thishost import run_task

pytestmark = pytest.mark.xdist_group("postgres-modules")

# A salted hash is another one each time.
ROLES = """
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
    rolbypassrls, rolconnlimit, rolvaliduntil,
    (SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid) AS rolconfig,
    CASE WHEN rolpassword LIKE 'SCRAM-SHA-256$4096:%' THEN 'scram' ELSE rolpassword END AS password,
    shobj_description(oid, 'pg_authid') AS comment
FROM pg_authid a WHERE rolname !~ '^pg_' ORDER BY 1
"""
MD5 = "md5" + 32 * "a"
SCRAM = (
    "SCRAM-SHA-256$4096:zFuajwIVdli9mK/NJkcv1Q==$JC4gWIrEHmF6sqRbEiZw5FFW45HUPrpVzNdoM72o730=:"
    "fqA4vLN3mCZGbhcbQyvNYY7anCrUTsem1eCh/4YA94M="
)


def user(name: str, role: str, **args: Any) -> Step:
    return Step(name, "postgresql_user", {"name": role, **args}, ROLES)


def sql(name: str, query: str) -> Step:
    args = {"login_db": "postgres", "query": query}
    return Step(name, "postgresql_query", args, ROLES, phases=("run", "look"))


STEPS = [
    user("a role", "sari"),
    user("a password", "sari", password="rahasia %s 'x' \\"),
    user("another password", "sari", password="lain", encrypted=True),
    user("a password in other letters", "sari", password="p\u00e4ss\u00a0w\u2168rd"),
    user("a password that is normal", "sari", password="pa\u0308ss wIXrd"),
    user("a hash", "sari", password=SCRAM),
    user("an MD5 hash", "lama", password=MD5),
    user("an MD5 hash for one who has another", "sari", password=MD5),
    user("a password for one who has an MD5 hash", "lama", password="baru"),
    user("no password any more", "sari", password=""),
    user("a new one without a password", "tanpa", password=""),
    user("not encrypted", "budi", password="rahasia", encrypted=False),
    user("a flag", "sari", role_attr_flags="CREATEDB"),
    user("the flag in small letters", "sari", role_attr_flags="createdb"),
    user("no flag", "sari", role_attr_flags="NOCREATEDB"),
    user("a new one with a flag", "layanan", role_attr_flags="NOLOGIN", password="rahasia"),
    user("a flag and a password", "layanan", role_attr_flags="LOGIN", password="rahasia lain"),
    user("replication", "layanan", role_attr_flags="REPLICATION"),
    user("wrong flag", "sari", role_attr_flags="TERBANG"),
    user("expires", "sari", expires="2031-01-02 03:04:05+07"),
    user("expires at the same time", "sari", expires="2031-01-01 20:04:05Z"),
    user("expires never", "sari", expires="infinity"),
    user("expires at no time", "sari", expires="lusa kemarin"),
    user("a limit", "sari", conn_limit=3),
    user("no limit", "sari", conn_limit=-1),
    user(
        "all at once",
        "citra",
        password="rahasia",
        expires="2031-01-01",
        conn_limit=7,
        comment="baru",
    ),
    user("no password changes", "sari", password="z", no_password_changes=True),
    user(
        "no password changes but a flag",
        "sari",
        password="z",
        no_password_changes=True,
        role_attr_flags="CREATEROLE",
    ),
    user("a comment", "sari", comment="it's \\ me"),
    user("no comment", "sari", comment=""),
    user("settings", "sari", configuration={"work_mem": "16MB", "search_path": "a, b"}),
    user("a setting less", "sari", configuration={"work_mem": "8MB"}),
    user(
        "no other settings",
        "sari",
        configuration={"work_mem": "8MB"},
        reset_unspecified_configuration=True,
    ),
    user(
        "a setting that is not quoted",
        "sari",
        configuration={"search_path": "a,b"},
        quote_configuration_values=False,
    ),
    user("a wrong setting", "sari", configuration={"work_mem'": "8MB"}),
    user("everybody", "PUBLIC", password="rahasia"),
    user("everybody with a flag", "PUBLIC", role_attr_flags="LOGIN"),
    user("an odd name", "satu.dua-tiga é", password="rahasia"),
    user("half quoted", '"Besar'),
    user("gone", "tanpa", state="absent"),
    sql(
        "a role that owns something", "CREATE TABLE milik (a int); ALTER TABLE milik OWNER TO citra"
    ),
    user("cannot go", "citra", state="absent"),
    user("cannot go and no matter", "citra", state="absent", fail_on_user=False),
    user("as one who may do little", "dewi", session_role="sari"),
    user("a password as one who may see none", "budi2", session_role="sari", password="rahasia"),
    user("not trusted", "x'; --", trust_input=False),
    sql("hashes as they were", "ALTER SYSTEM SET password_encryption = 'md5'"),
    sql("reloaded", "SELECT pg_reload_conf(), pg_sleep(0.2)"),
    user("an MD5 hash is made", "lama2", password="rahasia"),
    sql("hashes as they are", "ALTER SYSTEM RESET password_encryption"),
    sql("reloaded again", "SELECT pg_reload_conf(), pg_sleep(0.2)"),
    user("an MD5 hash is replaced", "lama2", password="rahasia"),
]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_the_collection(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_a_quoted_name(ours: Side):
    args = ours.args_of({"name": '"Besar ""Sekali"""', "password": "rahasia"})
    first, second = (run_task("postgresql_user", args, ours.folder) for _ in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert ('Besar "Sekali"',) in ours.server.execute("SELECT rolname FROM pg_roles")


def test_names_that_would_be_more_than_names(ours: Side):
    name = 'a"b %(password)s; DROP ROLE x; --'
    args = ours.args_of({"name": name, "password": "%(expires)s'", "expires": "infinity"})
    first, second = (run_task("postgresql_user", args, ours.folder) for _ in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert (name,) in ours.server.execute("SELECT rolname FROM pg_roles")


def test_a_password_is_never_sent(ours: Side):
    ours.server.execute("ALTER SYSTEM SET log_statement = 'all'")
    ours.server.execute("SELECT pg_reload_conf(), pg_sleep(0.2)")
    secret = "sangat rahasia sekali"
    args = ours.args_of({"name": "rahasia", "password": secret})
    result = run_task("postgresql_user", args, ours.folder)
    log = ours.server.cluster._log.read_text()
    ours.server.execute("ALTER SYSTEM RESET log_statement")
    assert result["changed"]
    assert 'CREATE USER "rahasia"' in log
    assert secret not in log
    assert secret not in str(result)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"role_attr_flags": "LOGIN,NOLOGIN"}, "conflicting or redundant options"),
        ({"encrypted": False}, "UNENCRYPTED PASSWORD is no longer supported"),
    ],
)
def test_an_error_shows_nothing_of_a_hash(ours: Side, args, reason):
    wanted = ours.args_of({"name": "bocor", "password": "rahasia", **args})
    result = run_task("postgresql_user", wanted, ours.folder)
    assert result["msg"] == f"Unable to add user with given requirement due to : {reason}"
