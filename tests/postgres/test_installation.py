from pathlib import Path

import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.installation import (
    Installation,
    bundled_folders,
    choose_for_dump,
    choose_for_restore,
    choose_for_server,
    find_installations,
)

PROGRAMS = ("pg_dump", "pg_dumpall", "pg_restore", "initdb", "pg_ctl", "postgres")


@pytest.fixture
def install(tmp_path):
    def install(version: str, *programs: str) -> Installation:
        folder = tmp_path / version
        folder.mkdir()
        for program in programs or PROGRAMS:
            (folder / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
            (folder / program).chmod(0o755)
        return Installation(folder, version)

    return install


def test_dump_takes_the_servers_own_version_else_the_next_newer(install):
    old, same, newer = install("15.2"), install("16.1"), install("18.4")
    assert choose_for_dump([newer, same, old], 16, "x") == same
    assert choose_for_dump([newer, old], 16, "x") == newer


def test_a_pg_dump_that_is_too_old_names_the_package(install):
    with pytest.raises(PostgresError) as failed:
        choose_for_dump([install("15.2")], 17, "epns_prod")
    assert "epns_prod: its server is PostgreSQL 17" in failed.value.message
    assert "15.2" in failed.value.message
    assert "postgresql-client-17" in failed.value.hint


def test_no_pg_dump_at_all_names_the_package(install):
    with pytest.raises(PostgresError) as failed:
        choose_for_dump([install("17.1", "pg_restore")], 17, "epns_prod")
    assert failed.value.message == "cannot dump epns_prod: pg_dump is not installed"
    assert "apt install postgresql-client-17" in failed.value.hint


@pytest.mark.parametrize(
    ("versions", "server", "chosen"),
    [
        (["15.2", "16.1", "18.4"], 16, "16.1"),
        (["13.1", "18.4"], 17, "18.4"),
        # From 17 on pg_restore sends what older servers do not know.
        (["13.1", "18.4"], 16, "13.1"),
        (["14.1", "16.1"], 15, "16.1"),
        (["15.1"], 18, "15.1"),
        (["18.4"], 15, "18.4"),
    ],
)
def test_restore_takes_the_nearest_that_the_server_understands(install, versions, server, chosen):
    found = choose_for_restore([install(version) for version in versions], server)
    assert found.version == chosen


def test_restore_without_pg_restore_names_the_package(install):
    with pytest.raises(PostgresError) as failed:
        choose_for_restore([install("15.2", "pg_dump")], 15)
    assert "postgresql-client-15" in failed.value.hint


def test_server_needs_initdb(install):
    client, server = install("18.4", "pg_dump"), install("15.2")
    assert choose_for_server([client, server]) == server
    with pytest.raises(PostgresError) as failed:
        choose_for_server([client])
    assert "apt install postgresql" in failed.value.hint
    assert "lpse-ops[demo]" in failed.value.hint


def test_finds_what_is_on_the_path(install):
    beta = install("99beta1")
    found = find_installations(str(beta.folder))
    assert found[0] == Installation(beta.folder, "99")
    assert found[0].major == 99


def test_a_wrapper_on_the_path_is_not_an_installation(tmp_path, install):
    real = install("99.1", "pg_wrapper")
    (tmp_path / "pg_dump").symlink_to(real.folder / "pg_wrapper")
    assert all(one.major < 99 for one in find_installations(str(tmp_path)))


def test_system_comes_before_the_wheel(system_installation, bundled_installation):
    found = find_installations()
    assert found.index(system_installation) < found.index(bundled_installation)
    assert system_installation.folder.is_relative_to(Path("/usr"))
    assert bundled_installation.folder in bundled_folders()
    assert bundled_installation.major > system_installation.major
