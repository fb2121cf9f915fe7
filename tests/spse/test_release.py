"""The manifest of a release, and what it is of: names, modes, layouts."""

import dataclasses
from pathlib import Path

import pytest

from lpse_ops.canonicaljson import encode_canonical, parse_canonical
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.layout import layout_4_3, layout_4_4, layout_named
from lpse_ops.spse.package import Inspected
from lpse_ops.spse.packageentry import Entry
from lpse_ops.spse.release import (
    Placed,
    Release,
    defaults_path,
    list_releases,
    load_release,
    manifest_path,
    parse_manifest,
    plan_mode,
    plan_release,
    release_folder,
    render_manifest,
)
from lpse_ops.spse.releasecompare import Difference, is_of_site, judge_tree
from lpse_ops.spse.releaseversion import find_version, is_of_layout, is_older, is_version

DIGEST = "ab" * 32
INSPECTED = Inspected(
    name="spse-4.5.tar",
    kind="tar",
    size_bytes=10,
    sha256=DIGEST,
    is_expected=True,
    signer=None,
    version="4.5",
    root="spse",
    layout=layout_4_4(),
    entries=(
        Entry("spse", "folder"),
        Entry("spse/logs", "folder"),
        Entry("spse/spse4", "file", 3, DIGEST),
        Entry("spse/server.pid", "file", 3, DIGEST),
        Entry("spse/conf/application.conf", "file", 4, DIGEST, is_executable=True),
        Entry("spse/lib/alat", "file", 5, DIGEST, is_executable=True),
        Entry("spse/lib/b", "hard link", target="spse/lib/alat"),
        Entry("spse/lib/c", "link", target="../spse4"),
        Entry("README", "file", 6, DIGEST),
    ),
)
RELEASE = plan_release(INSPECTED, "4.5")


def test_a_release_is_planned():
    assert RELEASE.entries == (
        Placed("conf", "folder", 0o755),
        Placed("conf/application.conf", "file", 0o640, 4, DIGEST),
        Placed("lib", "folder", 0o755),
        Placed("lib/alat", "file", 0o755, 5, DIGEST),
        Placed("lib/b", "file", 0o755, 5, DIGEST),
        Placed("lib/c", "link", 0o777, target="../spse4"),
        Placed("logs", "folder", 0o1775),
        Placed("spse4", "file", 0o755, 3, DIGEST),
    )


@pytest.mark.parametrize(
    ("path", "mode_4_3", "mode_4_4"),
    [
        ("", 0o1775, 0o1775),
        ("webapp", 0o1775, 0o755),
        ("webapp/logs", 0o1775, 0o755),
        ("logs", 0o755, 0o1775),
        ("framework", 0o755, 0o755),
    ],
)
def test_only_where_the_application_writes_may_it_write(path, mode_4_3, mode_4_4):
    assert plan_mode(path, "folder", layout_4_3()) == mode_4_3
    assert plan_mode(path, "folder", layout_4_4()) == mode_4_4


def test_the_manifest_is_canonical_and_comes_back():
    content = render_manifest(RELEASE)
    assert encode_canonical(parse_canonical(content)) == content
    assert parse_manifest(content) == RELEASE
    document = parse_canonical(content)
    assert document["entries"][1] == {
        "mode": "0640",
        "path": "conf/application.conf",
        "sha256": DIGEST,
        "size_bytes": 4,
        "type": "file",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "lpse-ops/spse/release/2"},
        {"version": "../4.5"},
        {"version": 4},
        {"layout": "4.9"},
        {"start_script": "/bin/sh"},
        {"package": {"name": "x", "sha256": "ab", "size_bytes": 1}},
        {"package": {"name": "x", "sha256": DIGEST, "size_bytes": True}},
        {"package": None},
        {"entries": {}},
        {"entries": [{"path": "../x", "type": "folder", "mode": "0755"}]},
        {"entries": [{"path": "x", "type": "device", "mode": "0755"}]},
        {"entries": [{"path": "x", "type": "folder", "mode": "9755"}]},
        {"entries": [{"path": "x", "type": "folder", "mode": "0755", "target": "y"}]},
        {"entries": [{"path": "x", "type": "file", "mode": "0755"}]},
        {"more": 1},
    ],
    ids=str,
)
def test_another_manifest_is_refused(change):
    document = parse_canonical(render_manifest(RELEASE)) | change
    with pytest.raises(ValueError, match=r"\w"):
        parse_manifest(encode_canonical(document))


def test_a_manifest_that_is_not_canonical_is_refused():
    with pytest.raises(ValueError, match="canonical"):
        parse_manifest(render_manifest(RELEASE) + b"\n")


@pytest.mark.parametrize("version", ["", ".", "..", "4", "../4.5", "4.5/x", "4.5\n", "4.5" * 20])
def test_what_is_no_version_names_no_release(version):
    assert not is_version(version)
    with pytest.raises(ReleaseError, match="is no version"):
        release_folder(Path("/opt"), version)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("spse-4.5.tar.gz", "4.5"),
        ("spse4.5.zip", "4.5"),
        ("spse_v4.5u20230901.zip", "4.5u20230901"),
        ("SPSE-4.4.20210105.tar.xz", "4.4.20210105"),
        ("spse-prod-4.3-sp2.tgz", "4.3-sp2"),
        ("spse-4.3sp2.tgz", "4.3sp2"),
        ("spse-3.6sp2-4.4.zip", None),
        ("spse4.zip", None),
        ("spse.zip", None),
        ("spse-10.2.3.4-5.6.zip", None),
    ],
)
def test_versions_in_file_names(name, version):
    assert find_version(name) == version


@pytest.mark.parametrize(
    ("version", "layout", "fits"),
    [
        ("4.3", "4.3", True),
        ("4.2.1", "4.3", True),
        ("4.3u2019", "4.4+", False),
        ("4.4", "4.4+", True),
        ("4.10", "4.4+", True),
        ("5.0", "4.3", False),
    ],
)
def test_versions_and_layouts(version, layout, fits):
    assert is_of_layout(version, layout) is fits


@pytest.mark.parametrize(
    ("versions", "is_said"),
    [
        (("4.4", "4.5"), True),
        (("4.9", "4.10"), True),
        (("4.5", "4.5.1"), True),
        (("4.5-rc1", "4.5"), True),
        (("4.5", "4.5u20230901"), True),
        (("4.5u20230901", "4.5u20231001"), True),
        (("4.5", "4.5.0"), False),
        (("4.5", "4.5"), False),
        # Nobody can tell.
        (("4.5", "4.5-final"), False),
        (("?", "4.5"), False),
        (("4.4", ""), False),
    ],
)
def test_which_of_two_versions_is_older(versions, is_said):
    old, new = versions
    assert is_older(old, new) is is_said
    assert not is_older(new, old)


def test_layouts_by_name():
    assert layout_named("4.3", "spse4") == layout_4_3()
    assert not layout_named("4.4+", "starter.sh").has_migration
    with pytest.raises(ValueError, match="not known"):
        layout_named("4.4+", "x")


# --- on the disk --------------------------------------------------------------------------------


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    (tmp_path / "4.5").mkdir()
    manifest_path(tmp_path, "4.5").write_bytes(render_manifest(RELEASE))
    return tmp_path


def test_a_release_is_loaded(releases: Path):
    assert load_release(releases, "4.5") == RELEASE
    assert defaults_path(releases, "4.5") == releases / "4.5.application.conf"


def test_only_whole_releases_are_listed(releases: Path, tmp_path: Path):
    (releases / "4.6").mkdir()
    (releases / "lama").mkdir()
    manifest_path(releases, "4.7").write_bytes(b"")
    manifest_path(releases, "4.8").write_bytes(b"")
    (releases / "4.8").symlink_to("4.5")
    assert list_releases(releases) == ["4.5"]
    assert list_releases(tmp_path / "none") == []
    with pytest.raises(ReleaseError, match="Not a directory"):
        list_releases(manifest_path(releases, "4.7"))


@pytest.mark.parametrize(
    ("version", "content", "why"),
    [
        ("4.6", None, "cannot read"),
        ("4.5", b"{}", "is damaged"),
        ("4.6", render_manifest(RELEASE), "is not of a release in"),
        ("4.4", render_manifest(dataclasses.replace(RELEASE, version="4.4")), "not of a release"),
    ],
)
def test_damaged_releases_are_said(releases: Path, version, content, why):
    if content is not None:
        manifest_path(releases, version).write_bytes(content)
    with pytest.raises(ReleaseError, match=why) as damaged:
        load_release(releases, version)
    assert str(releases) in damaged.value.hint


# --- compared with what is there ----------------------------------------------------------------


def test_what_the_site_and_the_application_change_is_no_difference():
    for path in ("conf/application.conf", "server.pid", "logs", "logs/spse4.5.log", "tmp/x"):
        assert is_of_site(path, RELEASE.layout)
    for path in ("conf", "lib/alat", "logs2", "spse4"):
        assert not is_of_site(path, RELEASE.layout)


def test_differences_are_found():
    there = {each.path: each for each in RELEASE.entries}
    del there["lib/c"], there["logs"]
    there["lib/jahat.jar"] = Placed("lib/jahat.jar", "file", 0o644, 1, DIGEST)
    there["spse4"] = dataclasses.replace(there["spse4"], mode=0o777)
    found = judge_tree(RELEASE, there)
    assert found == [
        Difference("lib/c", "missing"),
        Difference("lib/jahat.jar", "added"),
        Difference("spse4", "changed"),
    ]
    assert found[0].text == "'lib/c' is missing"


def test_an_empty_release_has_no_entries():
    empty = Release("4.5", "x", DIGEST, 1, layout_4_3(), ())
    assert parse_manifest(render_manifest(empty)) == empty
