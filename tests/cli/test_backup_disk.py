"""The commands of portable disks, on real file systems: init, list, mount, eject, and the run."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.backup.cheap_repository import ID, init_cheaply
from tests.backup.portabledisks import LoopDisk, make_disk, own_mounts
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> Iterator[None]:
    with own_mounts():
        yield


@dataclass
class Site:
    """A site in a folder of its own, with its settings, ledger and mount points."""

    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "lpse-ops.yml"

    def point(self, name: str) -> Path:
        return self.folder / "mnt" / name

    def disk(self, *args: str | Path, stdin: str = "") -> Ended:
        return self.backup("disk", *args, stdin=stdin)

    def backup(self, *args: str | Path, stdin: str = "") -> Ended:
        env = {"LPSE_OPS_STATE": str(self.folder / "state")}
        return lpse_ops("--settings", self.settings, "backup", *args, env=env, stdin=stdin)

    def make_ours(self, disk: LoopDisk, name: str, *options: str) -> Ended:
        device = disk.device or disk.plug()
        where = ("--mount-at", self.point(name))
        return self.disk("init", device, "--name", name, *where, *options)

    def listed(self) -> Any:
        return self.disk("list", "--format", "json").json()

    def events(self) -> list[tuple[Any, ...]]:
        """What the register says: event, disk, place and person."""
        env = {"LPSE_OPS_STATE": str(self.folder / "state")}
        shown = lpse_ops(
            *("--settings", self.settings, "log", "show", "--kind", "disk", "--format", "json"),
            env=env,
        ).json()
        keys = ("event", "destination", "kept_at", "by")
        return [tuple(each["facts"][key] for key in keys) for each in shown["records"]]


@pytest.fixture
def site(tmp_path: Path, docs: Path, password: Path) -> Site:
    (tmp_path / "lpse-ops.yml").write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA, server_room: Ruang 204}\n"
        f"backup:\n  paths: [{docs}]  # all of it\n  password_file: {password}\n"
    )
    return Site(tmp_path)


@pytest.fixture
def a(tmp_path: Path) -> Iterator[LoopDisk]:
    with make_disk(tmp_path / "a.img") as disk:
        yield disk


@pytest.fixture
def b(tmp_path: Path) -> Iterator[LoopDisk]:
    with make_disk(tmp_path / "b.img", "exfat") as disk:
        yield disk


def failed(ended: Ended, code: int, message: str, hint: str) -> None:
    assert ended.code == code, ended
    assert message in ended.stderr
    assert hint in ended.stderr


def test_two_disks_from_the_shop_to_the_safe(site: Site, a: LoopDisk, b: LoopDisk) -> None:
    kept = ("--kept-at", "Brankas Setda")
    made = site.make_ours(a, "disk-a", "--label", "Disk A (merah)", *kept)
    assert made.code == 0, made.stderr
    assert "next: lpse-ops backup init" in made.stderr
    init_cheaply(site.point("disk-a") / "repo")
    text = site.settings.read_text()
    assert "# all of it" in text
    site.settings.write_text(
        text.replace("    - name: disk-a\n", f"    - name: disk-a\n      repository_id: {ID}\n")
    )
    assert site.backup("run").code == 0
    made = site.make_ours(b, "disk-b", *kept)
    assert "next: lpse-ops backup sync disk-b" in made.stderr
    listed = site.listed()
    assert listed["schema"] == "lpse-ops/backup/disk-list/1"
    assert listed["due_next"] == "disk-b"
    first, second = listed["disks"]
    assert (first["status"], first["mounted_at"]) == ("ready", str(site.point("disk-a")))
    assert (first["label"], first["uuid"]) == ("Disk A (merah)", a.uuid)
    assert len(first["newest_snapshot"]) == 64
    assert 0 < first["free_bytes"] < first["total_bytes"]
    assert (second["newest_snapshot"], second["uuid"]) == (None, b.uuid)
    ended = site.disk("eject", "disk-a", "--to", "Brankas Setda", "--by", "Budi Santoso")
    assert "disk-a can be pulled out now" in ended.stdout
    assert "Budi Santoso carries disk-a to Brankas Setda" in ended.stdout
    a.unplug()
    shown = site.disk("list")
    line = next(line for line in shown.stdout.splitlines() if line.startswith("disk-a"))
    assert "away" in line
    assert "Budi Santoso, 20" in line
    assert site.events() == [
        ("init", "disk-a", "Brankas Setda", None),
        ("plugged", "disk-a", None, None),
        ("init", "disk-b", "Brankas Setda", None),
        ("eject", "disk-a", None, None),
        ("hand-over", "disk-a", "Brankas Setda", "Budi Santoso"),
    ]


def test_a_disk_is_mounted_by_its_name_and_said_to_be_away_when_it_is(
    site: Site, a: LoopDisk
) -> None:
    site.make_ours(a, "disk-a")
    a.unmount()
    ended = site.disk("mount", "disk-a")
    assert f"disk-a is mounted at {site.point('disk-a')}" in ended.stdout
    a.unplug()
    failed(site.disk("mount", "disk-a"), 1, "disk disk-a is not plugged in", "plug it in")
    failed(site.disk("eject", "disk-a"), 1, "disk disk-a is not plugged in", "plug it in")
    failed(site.backup("init"), 1, "disk disk-a is not plugged in", "backup disk mount disk-a")
    assert list(site.point("disk-a").iterdir()) == []
    # It was carried away without a word: the hand-over is recorded alone.
    ended = site.disk("eject", "disk-a", "--to", "Brankas", "--by", "Sari")
    assert "can be pulled out" not in ended.stdout
    assert site.events()[-1] == ("hand-over", "disk-a", "Brankas", "Sari")


def test_a_disk_in_use_is_not_ejected(site: Site, a: LoopDisk) -> None:
    site.make_ours(a, "disk-a")
    with (site.point("disk-a") / "open").open("w"):
        ended = site.disk("eject", "disk-a")
        failed(ended, 1, "is in use by ", "leave the folder")
        assert f"({os.getpid()})" in ended.stderr
    assert [each[0] for each in site.events()] == ["init"]


@pytest.mark.parametrize("place", ["Ruang Server", "lemari di ruang 204"])
def test_a_disk_is_not_kept_in_the_server_room(site: Site, a: LoopDisk, place: str) -> None:
    ended = site.make_ours(a, "disk-a", "--kept-at", place)
    failed(ended, 2, "is the server room", "Ps 27(2)")
    assert a.points() == []
    assert "disk-a" not in site.settings.read_text()
    site.make_ours(a, "disk-a")
    failed(site.disk("eject", "disk-a", "--to", place, "--by", "B"), 2, "server room", "Ps 27(2)")
    assert a.points() == [site.point("disk-a")]


def test_what_is_no_portable_disk(site: Site, a: LoopDisk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place, message in {
        str(tmp_path / "empty"): "nothing is mounted at",
        "/": "belongs to this machine itself",
        "/proc": "has no UUID",
        "/dev/null": "neither a mount point nor a block device",
    }.items():
        failed(site.disk("init", place, "--name", "disk-a"), 2, message, "hint: ")
    site.make_ours(a, "disk-a")
    point = site.point("disk-a")
    # Once more is fine, and may say where it is kept.
    again = site.disk("init", point, "--name", "disk-a", "--kept-at", "Brankas Setda")
    assert again.code == 0, again.stderr
    assert site.settings.read_text().count('kept_at: "Brankas Setda"') == 1
    failed(
        site.disk("init", point, "--name", "disk-b"), 2, "is destination disk-a already", "disk-a"
    )
    a.unmount()
    failed(site.make_ours(a, "disk-b"), 2, "is destination disk-a already", "--name disk-a")
    # What was mounted for nothing is not left where it would be in the way.
    assert (a.points(), site.point("disk-b").exists()) == ([], False)
    a.mount(point)
    failed(site.disk("eject", "disk-x"), 2, "there is no destination disk-x", "known are: disk-a")
    failed(site.disk("init", point, "--name", "Disk A"), 78, "lower-case letters", "disk-a")


def test_nothing_is_formatted_unless_it_is_named_and_confirmed(site: Site, a: LoopDisk) -> None:
    before = a.uuid
    form = ("--format-as", "ext4")
    failed(
        site.make_ours(a, "disk-a", *form, "--yes"), 2, "carries a file system", f"--erase {before}"
    )
    named = (*form, "--erase", before)
    device = a.device or ""
    refused = site.disk("init", device, "--name", "disk-a", *named, stdin="yes\n")
    failed(refused, 2, "nothing was formatted", f"type {device}")
    assert a.uuid == before
    a.mount(site.point("else"))
    failed(site.make_ours(a, "disk-a", *named, "--yes"), 1, "is in use", "umount")
    a.unmount()
    made = site.make_ours(a, "disk-a", *named, "--yes")
    assert made.code == 0, made.stderr
    assert a.uuid != before
    assert a.uuid in site.settings.read_text()


def test_a_disk_of_ours_is_not_formatted_under_any_name(site: Site, a: LoopDisk) -> None:
    site.make_ours(a, "disk-a")
    a.unmount()
    erase = ("--format-as", "ext4", "--erase", a.uuid, "--yes")
    for name in ("disk-a", "disk-b"):
        ended = site.make_ours(a, name, *erase)
        failed(ended, 2, "destination disk-a is a disk of ours", "out of lpse-ops.yml first")
    assert a.mount(site.point("disk-a"))
    assert site.listed()["disks"][0]["status"] == "ready"


def test_a_disk_that_was_changed_while_a_person_thought_is_not_formatted(
    site: Site, a: LoopDisk
) -> None:
    device, before = a.plug(), a.uuid
    env = clean_environment() | {"LPSE_OPS_STATE": str(site.folder / "state")}
    args = ("init", device, "--name", "disk-a", "--format-as", "ext4", "--erase", before)
    with subprocess.Popen(
        [*PROGRAM, "--settings", site.settings, "backup", "disk", *args],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        said = b""
        while b"to format it, type" not in said:
            said += (piece := running.stderr.read1())
            assert piece, said
        subprocess.run(["mkfs.ext4", "-q", "-F", device], check=True)
        another = a.uuid
        running.stdin.write(f"{device}\n".encode())
        running.stdin.close()
        said = running.stderr.read()
    assert running.returncode == 2
    assert b"carries a file system" in said
    assert a.uuid == another != before


def test_a_log_that_was_changed_is_told_and_does_not_keep_a_disk(
    site: Site, a: LoopDisk, b: LoopDisk
) -> None:
    site.make_ours(a, "disk-a")
    path = site.folder / "state" / "ledger" / "lpse-contoh" / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"init"', b'"INIT"'))
    made = site.make_ours(b, "disk-b")
    assert made.code == 0, made.stderr
    assert "recorded in the log, but not signed" in made.stderr
    assert b.uuid in site.settings.read_text()
    ended = site.disk("eject", "disk-b", "--to", "Brankas", "--by", "Sari")
    assert ended.code == 0, ended.stderr
    assert "Sari carries disk-b to Brankas" in ended.stdout
    assert path.read_text().count('"hand-over"') == 1
    # Nothing can follow a last line that is none.
    path.write_bytes(path.read_bytes() + b"{}\n")
    listed = site.disk("list")
    assert listed.code == 0, listed.stderr
    assert "the register is cut off" in listed.stderr
    ended = site.disk("eject", "disk-a", "--to", "Brankas", "--by", "Sari")
    assert ended.code == 1
    assert "disk-a can be pulled out now" in ended.stdout
    assert "hand-over recorded" not in ended.stdout
    assert "this is not recorded in the log" in ended.stderr
    assert a.points() == []


def test_settings_that_only_a_person_can_edit_are_shown(site: Site, a: LoopDisk) -> None:
    text = site.settings.read_text() + "  destinations: []\n"
    site.settings.write_text(text)
    made = site.make_ours(a, "disk-a").stderr
    assert "write this below backup.destinations" in made
    assert f"location: {site.point('disk-a')}/repo" in made
    assert site.settings.read_text() == text
