"""What is installed, read from the words of dpkg, apt and rpm."""

from lpse_ops.agent.installedpackages import (
    parse_dpkg,
    parse_origins,
    parse_rpm,
    parse_sources,
)

DPKG = """\
dpkg\tamd64\tinstalled\t1.21.22\tadmin
libc6\ti386\tunpacked\t2.36-9\tlibs
tzdata\tall\tinstalled\t2024a\tlocalization
gone\tamd64\tconfig-files\t1.0\tmisc
"""
FILES = """Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://archive.example/debian bookworm/main amd64 Packages
     release v=12.8,o=Debian,a=stable,n=bookworm,l=Debian,c=main,b=amd64
     origin archive.example
 500 file:/srv/lab ./ Packages
     release c=
Pinned packages:
     nginx -> 1.0 with priority 1001
"""
POLICY = """dpkg:
  Installed: 1.21.22
  Candidate: 1.21.22
  Version table:
 *** 1.21.22 500
        500 http://archive.example/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
     1.0 -1
        100 /var/lib/dpkg/status
"""


def test_dpkg_names_foreign_packages_with_their_architecture():
    packages = parse_dpkg(DPKG)
    assert [package["name"] for package in packages] == ["dpkg", "libc6:i386", "tzdata"]
    assert packages[2] == {
        "name": "tzdata",
        "version": "2024a",
        "arch": "all",
        "category": "localization",
    }


def test_an_origin_is_that_of_the_first_place():
    origins = parse_origins(FILES)
    sources = parse_sources(POLICY)
    assert origins[sources[("dpkg", "1.21.22")]] == "Debian"
    assert origins[sources[("dpkg", "1.0")]] == ""
    assert origins["file:/srv/lab ./ Packages"] == ""


def test_rpm_without_an_epoch():
    [package] = parse_rpm("bash\t5.1\t9.el9\t(none)\tx86_64\n")
    assert package["epoch"] == "None"
    assert package["release"] == "9.el9"
