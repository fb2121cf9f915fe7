import io
import re
from itertools import pairwise

import pytest

from lpse_ops.spse.sample import change_sql, write_sql
from lpse_ops.spse.sample_documents import Document, plan_changes, plan_documents

DOCUMENTS = plan_documents(3, 1)


def sql(megabytes: int = 1, seed: int = 1, documents: list[Document] = DOCUMENTS) -> str:
    out = io.BytesIO()
    write_sql(out, megabytes, seed, documents)
    return out.getvalue().decode()


def copied(text: str) -> dict[str, list[list[str]]]:
    """Table -> rows of a text with COPY blocks."""
    blocks = re.findall(r"^COPY (\S+) FROM stdin;\n(.*?)^\\\.\n", text, re.MULTILINE | re.DOTALL)
    return {table: [row.split("\t") for row in rows.splitlines()] for table, rows in blocks}


def test_the_same_seed_gives_the_same_database() -> None:
    assert sql() == sql()
    assert sql(seed=2) != sql()


@pytest.mark.parametrize("megabytes", [0, 1, 2])
def test_the_size_is_about_what_is_asked(megabytes: int) -> None:
    written = len(sql(megabytes).encode())
    assert megabytes * 1_000_000 <= written <= megabytes * 1_000_000 + 50_000


def test_spse_tables_and_schemas_are_there() -> None:
    tables = copied(sql())
    for table in (
        "public.lelang_seleksi",
        "public.paket",
        "public.peserta",
        "public.rekanan",
        "public.dok_penawaran",
        "public.panitia",
        "public.satuan_kerja",
        "public.agency",
        "ekontrak.kontrak",
    ):
        assert tables[table], table


def test_every_row_has_the_columns_of_its_table() -> None:
    text = sql()
    for table, rows in copied(text).items():
        body = re.search(rf"CREATE TABLE {re.escape(table)} \((.*?)\n\);", text, re.DOTALL)
        assert body is not None
        columns = body[1].count(",\n") + 1
        assert {len(row) for row in rows} == {columns}, table


def test_references_point_to_rows() -> None:
    tables = copied(sql())
    ids = {table: {row[0] for row in rows} for table, rows in tables.items()}
    for table, column, target in (
        ("public.satuan_kerja", 1, "public.agency"),
        ("public.panitia", 1, "public.agency"),
        ("public.paket", 1, "public.satuan_kerja"),
        ("public.paket", 2, "public.panitia"),
        ("public.lelang_seleksi", 1, "public.paket"),
        ("public.jadwal", 1, "public.lelang_seleksi"),
        ("public.peserta", 1, "public.lelang_seleksi"),
        ("public.peserta", 2, "public.rekanan"),
        ("public.dok_penawaran", 1, "public.peserta"),
        ("ekontrak.kontrak", 1, "public.lelang_seleksi"),
        ("ekontrak.kontrak", 2, "public.rekanan"),
    ):
        assert {row[column] for row in tables[table]} <= ids[target], table
        assert len(ids[table]) == len(tables[table])


def test_every_document_has_a_row_with_its_path_and_size() -> None:
    rows = copied(sql())["public.dok_penawaran"]
    assert {row[3]: int(row[4]) for row in rows} == {d.path: d.size_bytes for d in DOCUMENTS}
    assert copied(sql(documents=[]))["public.dok_penawaran"] == []


def test_the_log_goes_forward_in_time() -> None:
    moments = [row[1] for row in copied(sql())["public.log_akses"]]
    assert all(earlier < later for earlier, later in pairwise(moments))


def test_changes_name_the_documents() -> None:
    changes = plan_changes(DOCUMENTS, 4)
    out = io.BytesIO()
    change_sql(out, changes, 4)
    text = out.getvalue().decode()
    rows = copied(text)["dok_berubah"]
    assert text.startswith("\\set seed 4\n")
    assert [row[0] for row in rows] == ["tambah", "ubah", "hapus"]
    assert [row[3] for row in rows] == [
        one.path for one in (*changes.added, *changes.changed, *changes.deleted)
    ]
