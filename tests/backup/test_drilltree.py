import os
from pathlib import Path
from random import Random

import pytest

from lpse_ops.backup.drillsample import check_sample
from lpse_ops.backup.drilltree import (
    Totals,
    WithoutDumps,
    count_restored,
    find_differences,
    survey,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorer import restore
from lpse_ops.backup.restorereport import RestoreOptions
from tests.backup.cheap_repository import init_cheaply
from tests.backup.storing import open_cheap, store


def is_dump(path: bytes) -> bool:
    return path.endswith(b".dump")


class Stored:
    """A small tree that was stored and restored."""

    def __init__(self, root: Path) -> None:
        self.source = root / "source"
        (self.source / "folder").mkdir(parents=True)
        for number in range(20):
            (self.source / "folder" / f"{number}.rhs").write_bytes(os.urandom(5000 + number))
        (self.source / "big.dump").write_bytes(os.urandom(100_000))
        (self.source / "empty").touch()
        os.link(self.source / "folder" / "1.rhs", self.source / "again.rhs")
        (self.source / "link").symlink_to("/nowhere")
        os.mkfifo(self.source / "fifo")
        repo = init_cheaply(root / "repo")
        self.snapshot = store(repo, self.source).snapshot
        self.repository: Repository = open_cheap(repo)
        self.index = self.repository.load_index()
        self.target = os.fsencode(root / "restored")
        options = RestoreOptions(selection=WithoutDumps(is_dump))
        report = restore(self.repository, self.index, self.snapshot.tree, self.target, options)
        assert report.errors == []

    @property
    def restored(self) -> Path:
        return Path(os.fsdecode(self.target)) / self.source.relative_to("/")

    def survey(self, size: int, seed: int = 1):
        return survey(
            self.repository,
            self.index,
            self.snapshot.tree,
            is_dump=is_dump,
            sample_size=size,
            random=Random(seed),
        )

    def differences(self, *skip: bytes) -> list[str]:
        found = find_differences(
            self.repository,
            self.index,
            self.snapshot.tree,
            self.target,
            is_dump=is_dump,
            skip=skip,
        )
        return [finding.text.rpartition("/")[2] for finding in found]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def test_the_survey_counts_what_the_disk_then_holds(stored: Stored):
    surveyed = stored.survey(5)
    assert count_restored(stored.target) == surveyed.totals
    above = len(stored.source.relative_to("/").parts)
    size = sum(5000 + number for number in range(20)) + 5001
    assert surveyed.totals == Totals(files=22, folders=above + 1, links=1, size_bytes=size)
    assert [entry.path.rpartition(b"/")[2] for entry in surveyed.dumps] == [b"big.dump"]
    # A hard link takes up nothing, an empty file neither.
    assert surveyed.space_bytes == 20 * 8192 + (above + 2) * 4096
    assert stored.differences() == []


def test_a_sample_is_drawn_by_its_seed_without_dumps(stored: Stored):
    paths = [entry.path for entry in stored.survey(5).sample]
    assert paths == [entry.path for entry in stored.survey(5).sample]
    assert len(set(paths)) == 5
    drawn = [{entry.path for entry in stored.survey(5, seed).sample} for seed in range(40)]
    everything = set().union(*drawn)
    assert len(everything) == 22
    assert not any(is_dump(path) for path in everything)
    assert len(stored.survey(500).sample) == 22
    assert stored.survey(0).sample == ()


def test_every_difference_is_named(stored: Stored):
    restored = stored.restored
    (restored / "folder" / "2.rhs").unlink()
    (restored / "folder" / "3.rhs").write_bytes(b"short")
    (restored / "link").unlink()
    (restored / "link").mkdir()
    (restored / "empty").unlink()
    (restored / "empty").symlink_to("again.rhs")
    assert count_restored(stored.target) != stored.survey(0).totals
    assert stored.differences() == [
        "empty: expected a file of 0 bytes, found a symlink",
        "2.rhs: expected a file of 5002 bytes, found no such file or directory",
        "3.rhs: expected a file of 5003 bytes, found a file of 5 bytes",
        "link: expected a symlink, found a dir",
    ]
    known = os.fsencode(stored.source / "folder" / "2.rhs")
    assert len(stored.differences(known)) == 3


def check(stored: Stored, source: bytes | None = b""):
    sample = stored.survey(500).sample
    return check_sample(stored.index, sample, stored.target, seed=1, source=source)


def test_a_sample_is_compared_with_repository_and_source(stored: Stored):
    checked = check(stored)
    assert checked.findings == []
    assert (checked.proof.files, checked.proof.wrong, checked.proof.against_source) == (22, 0, 22)


def test_other_bytes_on_the_disk_are_found(stored: Stored):
    path = stored.restored / "folder" / "4.rhs"
    content = bytearray(path.read_bytes())
    content[17] ^= 1
    path.write_bytes(content)
    (stored.restored / "folder" / "5.rhs").unlink()
    checked = check(stored)
    assert [each.what.rpartition("/")[2] for each in checked.findings] == ["4.rhs", "5.rhs"]
    assert (checked.proof.wrong, checked.proof.against_source) == (2, 20)


def test_a_source_that_changed_since_is_no_yardstick(stored: Stored):
    (stored.source / "folder" / "6.rhs").write_bytes(b"newer")
    (stored.source / "folder" / "7.rhs").unlink()
    checked = check(stored)
    assert checked.findings == []
    assert checked.proof.against_source == 20
    assert check(stored, source=b"/nowhere").proof.against_source == 0
    assert check(stored, source=None).proof.against_source == 0


def test_a_source_that_rotted_in_silence_is_found(stored: Stored):
    path = stored.source / "folder" / "8.rhs"
    status = path.stat()
    path.write_bytes(os.urandom(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    [finding] = check(stored).findings
    assert finding.what.endswith("8.rhs")
    assert finding.expected == "the bytes of the source"
