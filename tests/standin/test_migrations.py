"""What migrations do to a database that has rows in it, and what a failing one leaves behind."""

import hashlib

import pytest

from tests.lab.waiting import wait_until
from tests.postgres.servers import Server
from tests.standin.conftest import OpenSite, lock
from tests.standin.site import Site

BIDS = [bytes([number]) * 5000 for number in range(1, 4)]
TABLES = (
    "agency",
    "dok_penawaran",
    "jadwal",
    "lelang_seleksi",
    "log_akses",
    "paket",
    "panitia",
    "peserta",
    "rekanan",
    "satuan_kerja",
)


def count_rows(server: Server, database: str) -> dict[str, object]:
    counts = (f"SELECT '{name}', count(*) FROM public.{name}" for name in TABLES)
    contracts = "SELECT 'kontrak', count(*) FROM ekontrak.kontrak"
    rows = server.execute(" UNION ALL ".join([*counts, contracts]), name=database)
    return {str(name): count for name, count in rows}


def read_columns(server: Server, database: str, table: str) -> set[str]:
    query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
    return {str(name) for (name,) in server.execute(query, name=database)}


def hash_files(site: Site) -> dict[str, str]:
    return {
        str(file.relative_to(site.storage)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in site.storage.rglob("*.rhs")
    }


def test_data_stay_from_4_3_to_4_5(put_up: OpenSite, database: str, server: Server) -> None:
    old = put_up("spse-4.3", database)
    assert old.migrate().status == 0
    old.start()
    numbers = [int(old.upload(bid).text) for bid in BIDS]
    old.stop()
    rows, hashes = count_rows(server, database), hash_files(old)
    assert len(hashes) == 3

    for name in ("spse-4.4", "spse-4.5"):
        site = put_up(name, database)
        assert site.migrate().status == 0
        site.start()
        assert [site.get(f"/dokumen/{number}").content for number in numbers] == BIDS
        assert site.get("/login").status == 200
        assert site.get().status == 200
        site.stop()
        assert (count_rows(server, database), hash_files(site)) == (rows, hashes)
    assert "lls_uraian" in read_columns(server, database, "lelang_seleksi")
    assert "dok_sha256" in read_columns(server, database, "dok_penawaran")
    assert server.execute("SELECT count(*) FROM public.paket_anggaran", name=database) == [
        (rows["paket"],)
    ]


def test_migrations_are_remembered_and_run_once(
    put_up: OpenSite, database: str, server: Server
) -> None:
    site = put_up("spse-4.5", database)
    said = site.migrate()
    assert said.status == 0
    assert "Sistem akan Melakukan Migration" in said.out
    assert "Harap Dilakukan Backup Database SPSE" in said.out
    query = "SELECT mig_nama, mig_mulai, mig_selesai FROM public.spse_migrasi ORDER BY mig_mulai"
    first = server.execute(query, name=database)
    assert [name for name, _, _ in first] == [
        "dasar",
        "4.3/01-sumber-dana",
        "4.4/01-catatan-tender",
        "4.4/02-sidik-dokumen",
        "4.5/01-anggaran",
        "4.5/02-pemenang",
    ]
    assert site.migrate().status == 0
    assert server.execute(query, name=database) == first


def test_an_empty_database_gets_its_tables(put_up: OpenSite, empty_database: str) -> None:
    site = put_up("spse-4.5", empty_database)
    assert site.migrate().status == 0
    site.start()
    assert site.get("/login").status == 200
    assert site.upload(BIDS[0], bidder=1).status == 200


def test_nothing_works_before_the_migration(put_up: OpenSite, database: str) -> None:
    site = put_up("spse-4.4", database)
    site.start()
    assert site.get("/login").status == 500
    assert "ERROR ~ Database belum di-migration: dasar" in site.log


def test_an_old_release_does_not_work_with_a_newer_database(
    put_up: OpenSite, migrated_database: str
) -> None:
    old = put_up("spse-4.3", migrated_database)
    old.start()
    assert old.get("/login").status == 500
    assert "Database lebih baru daripada aplikasi 4.3: 4.4/01-catatan-tender" in old.log


@pytest.mark.parametrize(
    ("name", "status"), [("spse-4.5-migration-fails", 1), ("spse-4.5-migration-fails-quietly", 0)]
)
def test_a_failing_migration_leaves_the_database_changed_in_part(
    name: str, status: int, put_up: OpenSite, migrated_database: str, server: Server
) -> None:
    database = migrated_database
    old = put_up("spse-4.4", database)
    rows = count_rows(server, database)

    new = put_up(name, database)
    said = new.migrate()
    assert said.status == status
    assert "rekanan_npwp_16" in said.out
    assert "ERROR ~ Migration gagal" in new.log
    [unfinished] = server.execute(
        "SELECT mig_nama FROM public.spse_migrasi WHERE mig_selesai IS NULL", name=database
    )
    assert unfinished == ("4.5/99-npwp-16-angka",)
    # What came before the error was done, what came after it was not, and no row is gone.
    [(unlike,)] = server.execute(
        "SELECT count(*) FROM public.paket WHERE pkt_nama <> upper(pkt_nama)", name=database
    )
    assert unlike == 0
    assert server.execute("SELECT to_regclass('public.v_pemenang')", name=database) == [(None,)]
    assert server.execute("SELECT to_regclass('public.rekanan_nama')", name=database) == [(None,)]
    assert count_rows(server, database) == rows

    # Neither release works with it, and migration does not go on: only an older database helps.
    assert "belum selesai: pulihkan database" in new.migrate().out
    for site in (new, old):
        site.start()
        assert site.get("/login").status == 500
        site.stop()


def test_a_migration_in_the_background_says_0_before_it_is_done(
    put_up: OpenSite, database: str, server: Server
) -> None:
    site = put_up("spse-4.5-migrates-in-background", database)
    with lock(server, database, "public.paket"):
        assert site.migrate().status == 0
        assert "4.3/01-sumber-dana selesai" not in site.log
    assert wait_until(lambda: "Listening for HTTP" in site.log)
    assert "Migration 4.5/02-pemenang selesai" in site.log
    assert site.get("/login").status == 200
