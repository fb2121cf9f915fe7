from pathlib import Path

from tests.restic_binaries import (
    find_debian_archives,
    newest,
    parse_madison,
    parse_one_line,
    render_sources,
)

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: sid
Components: main
"""


def test_archives_of_both_list_formats_are_found(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list").write_text(
        "# deb http://no.example/debian sid main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main # yes\n"
        "deb http://other.example/apt stable main\n"
        "deb-src http://one.example/debian bookworm main\n"
    )
    archives = find_debian_archives(tmp_path)
    assert [one["uris"] for one in archives] == [
        "http://mirror.example/debian",
        "http://one.example/debian",
        "http://other.example/apt",
    ]
    assert archives[0]["signed-by"].splitlines()[1:] == [
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " abc",
    ]
    assert archives[1]["signed-by"] == "/k.gpg"


def test_the_same_archives_are_asked_for_other_suites() -> None:
    [archive] = parse_one_line("deb [trusted=yes] http://one.example/debian bookworm main contrib")
    assert render_sources([archive, archive], ["sid", "bookworm"]).splitlines() == [
        "types: deb",
        "uris: http://one.example/debian",
        "suites: sid bookworm",
        "components: main",
        "trusted: yes",
    ]


def test_versions_are_read_by_suite_and_compared_as_dpkg_does() -> None:
    versions = parse_madison(
        "    restic |   0.19.1-1 | http://one.example/debian sid/main amd64 Packages\n"
        "    restic | 0.14.0-1+b5 | http://one.example/debian bookworm/main amd64 Packages\n"
        "    restic | 0.14.0-1 | http://one.example/debian bookworm/main Sources\n"
    )
    assert versions == {"sid": "0.19.1-1", "bookworm": "0.14.0-1+b5"}
    assert newest([*versions.values(), "0.9.6-1", "0.19.1~rc1-1"]) == "0.19.1-1"
