"""``postgresql_db`` beside the collection's."""

import gzip
import os
from typing import Any

import pytest

from tests.agent.modules.onpostgres.steps import Side, Step, assert_same
from tests.agent.thishost import run_task

pytestmark = pytest.mark.xdist_group("postgres-modules")

DATABASES = """
SELECT datname, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
    datcollate, datctype, datconnlimit, shobj_description(oid, 'pg_database') AS comment
FROM pg_database WHERE datname !~ '^epns_|^rich' ORDER BY 1
"""
ROWS = "SELECT * FROM paket ORDER BY 1"


def db(name: str, database: str, look: str = DATABASES, look_in: str = "postgres", **args: Any):
    return Step(name, "postgresql_db", {"name": database, **args}, look, look_in)


def sql(name: str, database: str, query: str) -> Step:
    args = {"login_db": database, "query": query}
    return Step(name, "postgresql_query", args, DATABASES, phases=("run", "look"))


def dumped(title: str, target: str, **args: Any) -> Step:
    # Compressed dumps go through a pipe whose name is another one each time.
    is_other = target.endswith(("z", "2")) or "dump_extra_args" in args
    apart = frozenset({"cmd", "executed_commands"} if is_other else ())
    args = {"name": "epns", "state": "dump", "target": f"FOLDER/{target}", **args}
    return Step(title, "postgresql_db", args, phases=("check", "run", "again"), apart=apart)


def restored(name: str, database: str, target: str, **args: Any) -> list[Step]:
    args = {"name": database, "state": "restore", "target": f"FOLDER/{target}", **args}
    phases = ("check", "run", "look")
    # Ours has the file itself, and not as its input, for pg_restore to move in it.
    apart = frozenset({"cmd", "executed_commands"} if target.endswith(".tar") else ())
    return [
        db(f"{name}, a database", database),
        Step(name, "postgresql_db", args, ROWS, database, phases, apart),
    ]


LOCALE = {"template": "template0", "lc_collate": "C", "lc_ctype": "C"}
STEPS = [
    sql("a role", "postgres", "CREATE ROLE pemilik"),
    db("a database", "epns"),
    db("with everything", "semua", encoding="UTF-8", owner="pemilik", conn_limit="5", **LOCALE),
    db("the same in other words", "semua", encoding="utf8", conn_limit="5"),
    db("another owner", "epns", owner="pemilik"),
    db("a limit", "epns", conn_limit="10"),
    db("a limit that is no number", "epns", conn_limit="-1"),
    db("another encoding", "epns", encoding="LATIN1"),
    db("another collation", "epns", lc_collate="C"),
    db("another character type", "epns", lc_ctype="C"),
    db("a provider", "epns", locale_provider="libc"),
    db("another provider", "epns", locale_provider="icu"),
    db("a comment", "epns", comment="It's the 'main' one"),
    db("another comment", "epns", comment="back\\slash"),
    db("no comment", "epns", comment=""),
    db("a new one with a comment", "berkomentar", comment="baru"),
    db("a tablespace", "epns", tablespace="pg_default"),
    db("no such tablespace", "epns", tablespace="nihil"),
    db("no such owner", "baru", owner="nihil"),
    db("no such template", "baru", template="nihil"),
    db("renamed", "berkomentar", state="rename", target="bernama"),
    db("renamed to what is there", "epns", state="rename", target="bernama"),
    db("renamed from nothing", "nihil", state="rename", target="nihil2"),
    db("renamed to itself", "epns", state="rename", target="epns"),
    db("renamed to nothing", "epns", state="rename"),
    db("gone", "bernama", state="absent"),
    db("gone by force", "semua", state="absent", force=True),
    db("not the one we are in", "postgres", state="absent"),
    db("as another role", "milikku", session_role="pemilik"),
    db("in another place", "lain", maintenance_db="template1"),
    db("an odd name", "satu dua.tiga-é", comment="x"),
    db("an odd name, gone", "satu dua.tiga-é", state="absent"),
    db("not trusted", "x; DROP TABLE y", trust_input=False),
    sql(
        "a table",
        "epns",
        "CREATE TABLE paket AS SELECT n, 'nama ' || n AS nama FROM generate_series(1, 20) n",
    ),
    dumped("dump", "epns.sql"),
    dumped("dump, custom", "epns.pgc"),
    dumped("dump, tar", "epns.tar"),
    dumped("dump, folder", "epns.dir"),
    dumped("dump, gzip", "epns.sql.gz"),
    dumped("dump, bzip2", "epns.sql.bz2"),
    dumped("dump, xz", "epns.sql.xz"),
    dumped("dump, another name", "epns.dump", target_opts="-t paket --no-owner"),
    dumped("dump, more arguments", "epns2.sql", dump_extra_args="--exclude-table='pa ket'"),
    dumped("dump, no such database", "nihil.sql", name="nihil"),
    dumped("dump, no such table", "nihil2.sql", target_opts="-t nihil"),
    *restored("restore", "dari_sql", "epns.sql"),
    *restored("restore, custom", "dari_pgc", "epns.pgc", target_opts="--no-owner"),
    *restored("restore, tar", "dari_tar", "epns.tar"),
    *restored("restore, folder", "dari_dir", "epns.dir"),
    *restored("restore, gzip", "dari_gz", "epns.sql.gz"),
    *restored("restore, bzip2", "dari_bz2", "epns.sql.bz2"),
    *restored("restore, xz", "dari_xz", "epns.sql.xz"),
    *restored("restore, another name", "dari_dump", "epns.dump"),
    *restored("restore, nothing there", "dari_nihil", "nihil3.sql"),
]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_the_collection(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_names_that_would_be_more_than_names(ours: Side):
    name = 'a"b; DROP DATABASE x; --\\é'
    args = ours.args_of({"name": name, "comment": "' || \\"})
    first, second = (run_task("postgresql_db", args, ours.folder) for _ in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert (name,) in ours.server.execute("SELECT datname FROM pg_database")
    gone = run_task("postgresql_db", {**args, "state": "absent"}, ours.folder)
    assert gone["changed"]


@pytest.mark.parametrize("name", ["-x", "dbname=epns", "postgresql://x/y", r"it's = \ own"])
def test_a_name_that_looks_like_an_option_or_a_connection(ours: Side, name: str):
    args = ours.args_of({"name": name})
    assert run_task("postgresql_db", args, ours.folder)["changed"]
    for state in ("dump", "restore"):
        moved = {**args, "state": state, "target": str(ours.folder / "nama.sql")}
        result = run_task("postgresql_db", moved, ours.folder)
        assert not result.get("failed"), result
    assert run_task("postgresql_db", {**args, "state": "absent"}, ours.folder)["changed"]


def test_a_dump_that_fails_leaves_the_old_one(ours: Side):
    for suffix in ("sql", "pgc", "sql.gz"):
        target = ours.folder / f"lama.{suffix}"
        target.write_text("lama")
        args = ours.args_of({"name": "nihil", "state": "dump", "target": str(target)})
        result = run_task("postgresql_db", args, ours.folder)
        assert 'database "nihil" does not exist' in result["msg"]
        assert target.read_text() == "lama"
    assert not list(ours.folder.glob(".lpse-ops-*"))


def test_a_compressed_dump_that_is_cut_off(done: Any, ours: Side):
    whole = (ours.folder / "epns.sql.gz").read_bytes()
    assert b"CREATE TABLE public.paket" in gzip.decompress(whole)
    (ours.folder / "potong.sql.gz").write_bytes(whole[: len(whole) // 2])
    args = ours.args_of({"name": "epns", "state": "restore", "target": "FOLDER/potong.sql.gz"})
    result = run_task("postgresql_db", args, ours.folder)
    assert result["failed"]
    assert "potong.sql.gz" in result["msg"]


def test_a_folder_that_is_not_empty_stays(done: Any, ours: Side):
    kept = ours.folder / "penuh.dir" / "isi"
    kept.parent.mkdir()
    kept.write_text("isi")
    args = ours.args_of({"name": "epns", "state": "dump", "target": str(kept.parent)})
    assert run_task("postgresql_db", args, ours.folder)["failed"]
    assert [path.name for path in kept.parent.iterdir()] == ["isi"]


def test_a_password_is_in_no_argument_list(ours: Side, monkeypatch: pytest.MonkeyPatch):
    folder = ours.folder / "program"
    folder.mkdir()
    seen = folder / "seen"
    for name in ("pg_dump", "psql"):
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "$@" "$PGPASSWORD" "$PGSSLMODE" >>{seen}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    login = {"login_password": "rahasia", "ssl_mode": "require", "target": f"{folder}/x.sql"}
    for state in ("dump", "restore"):
        args = ours.args_of({"name": "epns", "state": state, **login})
        result = run_task("postgresql_db", args, ours.folder)
        assert "rahasia" not in str(result)
    for line in seen.read_text().splitlines():
        assert line.count("rahasia") == 1
        assert line.endswith(" rahasia require")
