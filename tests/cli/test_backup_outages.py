"""Servers killed, lines cut and disks pulled out in the middle of a run with four destinations.

At exact moments, several in one run: in each round three places fail, each in its own way.  The
run ends well in the others and names who did not get it; nothing stored before is harmed in any
place, judged by stock restic; and the next run, or a sync, makes all the same again.
"""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from lpse_ops.backup.diskdevices import SystemDisks
from lpse_ops.backup.diskinit import find_mounted, write_record
from lpse_ops.backup.diskrecord import DiskRecord
from lpse_ops.backup.storage.backend import Backend, FileKind, file_name
from lpse_ops.backup.storage.retry import RetryBackend
from tests.backup.cheap_repository import ID, PASSWORD, init_cheaply
from tests.backup.portabledisks import LoopDisk, make_disk, own_mounts
from tests.cli.commands import Ended, lpse_ops
from tests.cli.interruptedrun import Moment, Report, run_interrupted
from tests.lab.delayproxy import DelayProxy, open_delay_proxy
from tests.lab.s3 import ADMIN, S3Server
from tests.lab.s3fixtures import open_bucket
from tests.lab.sshd import open_sshd
from tests.restic_binaries import Restic

pytestmark = pytest.mark.xdist_group("s3")

Files = dict[str, bytes]
_BUCKET = "outages"
# 16 MB, a pack, take most of a second: whoever is cut off a moment later is in the middle of it.
_RATE_MBIT = 200.0
_IN_THE_MIDDLE_SECONDS = 0.2
_DOCUMENT_BYTES = 9 << 20


class World:
    """A disk of the server, an S3 server behind a line, an SFTP server and a portable disk."""

    def __init__(self, folder: Path, s3: S3Server, disk: LoopDisk) -> None:
        self.folder = folder
        self.docs = folder / "docs"
        self.settings = folder / "lpse-ops.yml"
        self.env = {
            **ADMIN.environment,
            "NO_PROXY": "127.0.0.1",
            "LPSE_OPS_STATE": str(folder / "state"),
        }
        self._s3 = s3
        self._disk = disk
        self._point = folder / "mnt"
        self._uuid = disk.uuid
        self._sshd = contextlib.ExitStack()
        self._line = contextlib.ExitStack()
        self._line_now: DelayProxy | None = None
        self._broken: set[str] = set()
        self._late: list[threading.Timer] = []

    def begin(self) -> None:
        """Four clones of an empty repository."""
        self.docs.mkdir()
        (self.folder / "password").touch(0o600)
        (self.folder / "password").write_text(PASSWORD)
        root = init_cheaply(self.folder / "local")
        shutil.copytree(root, self.folder / "nas")
        self._disk.mount(self._point)
        shutil.copytree(root, self._point / "repo")
        mounted = find_mounted(self._point, SystemDisks())
        record = DiskRecord("portable", self._uuid, datetime.now().astimezone(), None, ID)
        write_record(mounted, self._point / "repo", record)
        # What was copied by hand is on the disk only now.
        subprocess.run(["sync", "-f", self._point], check=True)
        bucket = self._bucket()
        bucket.prepare()
        for path in (*root.glob("keys/*"), root / "config"):
            bucket.save(str(path.relative_to(root)), path.read_bytes())
        self.start_sshd()
        self.start_line()

    def end(self) -> None:
        self._line.close()
        self._sshd.close()

    def write(self, order: tuple[str, ...]) -> None:
        """The settings, with the destinations in an order: the first leads."""
        assert self._line_now is not None
        endpoint = f"http://127.0.0.1:{self._line_now.port}"
        places = {
            "local": f"location: {self.folder}/local",
            "nas": f"location: 'sftp:quick:{self.folder}/nas', "
            f"sftp: {{ssh_options: '-F {self.folder}/ssh_config'}}",
            "offsite": f"location: 's3:{endpoint}/{_BUCKET}/repo'",
            "portable": f"location: {self._point}/repo, disk: {{uuid: {self._uuid}}}",
        }
        lines = [f"    - {{name: {name}, repository_id: {ID}, {places[name]}}}" for name in order]
        self.settings.write_text(
            "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
            f"backup:\n  password_file: {self.folder}/password\n  paths: [{self.docs}]\n"
            "  destinations:\n" + "\n".join(lines) + "\n"
        )

    def run(self, acts: dict[Moment, Callable[[], None]]) -> Report:
        report = run_interrupted(self.settings, self.env, acts)
        for timer in self._late:
            timer.join()
        return report

    def backup(self, *args: str) -> Ended:
        return lpse_ops("--settings", self.settings, "backup", *args, env=self.env)

    def empty_disk(self) -> None:
        """Whoever had it took it for an empty one; what says whose it is was left."""
        for path in self._root("portable").iterdir():
            if path.name != "lpse":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    # -- what goes wrong ---------------------------------------------------------------------

    def kill_s3(self) -> None:
        self._broken.add("s3")
        self._s3.kill()

    def kill_sshd(self) -> None:
        """With all its sessions."""
        self._broken.add("sshd")
        self._sshd.close()

    def cut_line(self) -> None:
        assert self._line_now is not None
        self._broken.add("line")
        self._line_now.cut()

    def pull_disk(self) -> None:
        self._broken.add("disk")
        self._disk.pull()

    def unmount_disk(self) -> None:
        """Unmounted under whoever uses it: what is under way still gets there."""
        self._broken.add("disk")
        self._disk.unplug(wait=False)

    def in_the_middle(self, act: Callable[[], None]) -> Callable[[], None]:
        """Not before the operation, but a moment after it has begun."""

        def later() -> None:
            self._late.append(threading.Timer(_IN_THE_MIDDLE_SECONDS, act))
            self._late[-1].start()

        return later

    # -- and how it is set right -------------------------------------------------------------

    def start_sshd(self) -> None:
        number = len(list(self.folder.glob("sshd-*")))
        # Forked sessions outlive a connection; the subsystem is a program of its own.
        sshd = self._sshd.enter_context(open_sshd(self.folder / f"sshd-{number}"))
        shutil.copy(sshd.ssh_config, self.folder / "ssh_config")

    def start_line(self) -> None:
        self._line_now = self._line.enter_context(
            open_delay_proxy("127.0.0.1", self._s3.port, delay_ms=0, rate_mbit=_RATE_MBIT)
        )

    def mend(self) -> None:
        broken, self._broken = self._broken, set()
        if "s3" in broken:
            self._s3.start()
        if "line" in broken:
            self._line.close()
            self.start_line()
        if "sshd" in broken:
            self.start_sshd()
        if "disk" in broken:
            self._disk.mount(self._point)

    # -- what is where -----------------------------------------------------------------------

    def files(self, place: str) -> Files:
        """All that a place holds, but locks."""
        if place == "offsite":
            bucket = self._bucket()
            names = [
                file_name(kind, each.id)
                for kind in FileKind
                if kind is not FileKind.LOCK
                for each in bucket.files(kind)
            ]
            return {name: bucket.load(name) for name in ("config", *names)}
        root = self._root(place)
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
            and path.relative_to(root).parts[0] not in ("locks", "lpse")
            and "-tmp-" not in path.name
        }

    def locks(self, place: str) -> list[str]:
        if place == "offsite":
            bucket = self._bucket()
            return [each.id for each in bucket.files(FileKind.LOCK)]
        return os.listdir(self._root(place) / "locks")

    def check(self, restic: Restic, place: str) -> None:
        """As a stranger does; a lock of the killed run does not matter to who only reads."""
        repo = f"s3:{self._s3.endpoint}/{_BUCKET}/repo"
        where = repo if place == "offsite" else self._root(place)
        argv = ("check", "--read-data", "--no-lock")
        restic.run(*argv, repo=where, password=PASSWORD, env=ADMIN.environment)

    def _bucket(self) -> Backend:
        """A server that was just started answers before it finds what it stores."""
        return RetryBackend(open_bucket(self._s3, _BUCKET), sleep=lambda _: time.sleep(0.1))

    def _root(self, place: str) -> Path:
        return self._point / "repo" if place == "portable" else self.folder / place


PLACES = ("local", "nas", "offsite", "portable")
REMOTE_FIRST = ("offsite", "nas", "portable", "local")

# Place, moment, and what happens to it; "middle": while a file is on its way.
Fault = tuple[str, str, str, int, str]
ROUNDS: list[tuple[tuple[str, ...], list[Fault], str]] = [
    (
        PLACES,
        [
            ("offsite", "save", "data", 1, "kill_s3 middle"),
            ("nas", "save", "data", 2, "kill_sshd"),
            ("portable", "save", "data", 2, "pull_disk"),
        ],
        "sync",
    ),
    (
        PLACES,
        [
            ("offsite", "save", "data", 2, "cut_line middle"),
            ("nas", "save", "index", 1, "kill_sshd"),
            ("portable", "save", "index", 1, "pull_disk"),
        ],
        "run",
    ),
    (
        REMOTE_FIRST,
        [
            ("offsite", "save", "index", 1, "kill_s3"),
            ("nas", "save", "data", 1, "kill_sshd middle"),
            ("portable", "save", "snapshots", 1, "unmount_disk"),
        ],
        "run",
    ),
    (
        REMOTE_FIRST,
        [
            ("offsite", "remove", "locks", 1, "cut_line"),
            ("nas", "save", "snapshots", 1, "kill_sshd"),
            ("portable", "remove", "locks", 1, "pull_disk"),
        ],
        "sync",
    ),
]


def loses(operation: str, act: str) -> bool:
    """Whether the place does not get the snapshot."""
    return operation == "save" and act != "unmount_disk"


def _name(number: int) -> str:
    order, faults, then = ROUNDS[number]
    told = "; ".join(f"{where} {act} at {' '.join(map(str, at))}" for where, *at, act in faults)
    before = sum(len(each[1]) for each in ROUNDS[:number])
    return f"faults {before + 1}-{before + len(faults)}: {order[0]} leads, {told}; then {then}"


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> Iterator[None]:
    with own_mounts():
        yield


@pytest.fixture(scope="module")
def world(
    _mounts: None, seaweedfs: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("outages")
    with make_disk(folder / "disk.img", size_bytes=320 << 20) as disk:
        world = World(folder, seaweedfs, disk)
        try:
            world.begin()
            yield world
        finally:
            world.end()


def test_a_disk_that_somebody_emptied_is_not_just_away(world: World, restic_new: Restic) -> None:
    world.mend()
    (world.docs / "small.pdf").write_bytes(os.urandom(9000))
    world.write(PLACES)
    assert world.run({}).failed() == []
    world.empty_disk()
    ended = world.backup("run", "--format", "json")
    assert ended.code == 3, ended.stderr
    statuses = {name: each["status"] for name, each in ended.json()["destinations"].items()}
    assert statuses == {**dict.fromkeys(PLACES, "written"), "portable": "failed"}
    assert "portable did not get the snapshot: disk portable is plugged in, but" in ended.stderr
    assert "lpse-ops backup sync portable makes it a clone again" in ended.stderr
    assert world.files("portable") == {}
    synced = world.backup("sync", "portable")
    assert (synced.code, synced.stderr) == (0, "")
    assert world.files("portable") == world.files("local")
    world.check(restic_new, "portable")


@pytest.mark.parametrize("number", range(len(ROUNDS)), ids=_name)
def test_three_places_fail_and_all_are_the_same_again(
    world: World, number: int, restic_old: Restic, restic_new: Restic
) -> None:
    order, faults, then = ROUNDS[number]
    # A round that failed is none of the next one's business.
    world.mend()
    world.write(order)
    # Two packs and more, and something of the round before that is stored already.
    for part in range(2):
        (world.docs / f"{number}-{part}.rhs").write_bytes(os.urandom(_DOCUMENT_BYTES))
    before = {place: world.files(place) for place in PLACES}
    acts = {}
    for place, operation, kind, count, words in faults:
        act = getattr(world, words.partition(" ")[0])
        acts[Moment(place, operation, kind, count)] = (
            world.in_the_middle(act) if words.endswith("middle") else act
        )

    report = world.run(acts)

    assert sorted(report.reached) == sorted(acts), report
    lost = sorted(place for place, operation, *_, act in faults if loses(operation, act))
    assert report.failed() == lost, report
    for name in lost:
        assert f"lpse-ops backup sync {name}, or the next run" in report.outcomes[name][1]
    world.mend()
    after = {place: world.files(place) for place in PLACES}
    for place in PLACES:
        assert before[place].items() <= after[place].items(), place
    with ThreadPoolExecutor(2) as threads:
        restic = (restic_old, restic_new)[number % 2]
        list(threads.map(lambda place: world.check(restic, place), PLACES))

    world.write(order)
    if then == "run":
        again = world.run({})
        assert again.failed() == [], again
    else:
        synced = world.backup("sync")
        assert synced.code == 0, synced.stderr

    first, *others = (world.files(place) for place in PLACES)
    assert all(each == first for each in others)
    assert [world.locks(place) for place in PLACES] == [[], [], [], []]
    assert len([name for name in first if name.startswith("snapshots/")]) > number
    world.check(restic_new, "local")
