"""One bit flips, or the end is cut off, in every field of every kind of file.

Each time ``check --read-data`` names the file, and restore, dump and ls give the right bytes or
say what they cannot give.  The floors make sure that no field is left out.
"""

import json
from collections import Counter

import pytest

from tests.backup.bitrot import CONTENTS, OLDER, Ran, Stored, Victim, cuts, flipped, flips
from tests.backup.cheap_repository import PASSWORD
from tests.restic_binaries import Restic

ENVELOPE = {"IV", "ciphertext", "MAC"}
KEY_FIELDS = {"created", "username", "hostname", "kdf", "N", "r", "p", "salt", "data"}
HEADER = {"header IV", "header ciphertext", "header MAC", "header length"}
FIELDS = {
    "config": ENVELOPE,
    "key": KEY_FIELDS | {f"{field}'s name" for field in KEY_FIELDS},
    "index": ENVELOPE,
    "snapshot": ENVELOPE,
    "lock": ENVELOPE,
    "tree pack": HEADER | {f"blob {number} {part}" for number in range(2) for part in ENVELOPE},
    "data pack": HEADER | {f"blob {number} {part}" for number in range(4) for part in ENVELOPE},
}
# Flips and cuts that were judged when this was written: fewer means that something is left out.
FLOORS = {
    "config": (9, 6),
    "key": (54, 36),
    "index": (27, 18),
    "snapshot": (18, 12),
    "lock": (9, 6),
    "tree pack": (51, 33),
    "data pack": (99, 65),
}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim(tmp_path_factory.mktemp("bitrot"))


def judge(victim: Victim, file: Stored, content: bytes, *, thoroughly: bool) -> None:
    with victim.damaged(file, content):
        if file.kind == "lock":
            judge_lock(victim, file, is_empty=not content)
            return
        checked = victim.check("--read-data")
        assert checked.code == 1
        assert names(file, checked.text), (file, checked.text)
        assert_right_or_told(*victim.restore())
        if thoroughly:
            judge_other_readers(victim)


def names(file: Stored, text: str) -> bool:
    return ("config file" if file.kind == "config" else file.id[:8]) in text


def assert_right_or_told(ran: Ran, found: dict[str, bytes]) -> None:
    """Each file has the right bytes, or is not there and named; or nothing is, and why is said."""
    if found.keys() == OLDER.keys():
        # "latest" is the newest that can be read, and it is said which cannot.
        assert (ran.code, found) == (3, OLDER)
        assert "is left out" in ran.stderr
        return
    for name, content in found.items():
        assert CONTENTS[name] == content, name
    lost = CONTENTS.keys() - found.keys()
    if ran.stdout:
        told = {each["path"] for each in json.loads(ran.stdout)["errors"]}
        assert bool(told) == (ran.code == 1)
        for name in lost:
            assert any(f"/{name}".startswith(path) for path in told), (name, told)
    else:
        assert (ran.code, found) == (1, {})
        assert "lpse-ops: error:" in ran.stderr
        assert "lpse-ops: hint:" in ran.stderr


def judge_lock(victim: Victim, file: Stored, *, is_empty: bool) -> None:
    """A broken lock stops who needs one, by its name, and nobody else; an empty one is no lock."""
    ran = victim.run("snapshots")
    if is_empty:
        assert ran.code == 0
    else:
        assert ran.code == 11
        assert file.id[:8] in ran.stderr
        assert "unlock --remove-all" in ran.stderr
    assert victim.check("--read-data").code == 0
    ran, found = victim.restore()
    assert (ran.code, found) == (0, CONTENTS)


def judge_other_readers(victim: Victim) -> None:
    listed = victim.run("ls", "latest", "--no-lock")
    if listed.code == 0:
        paths = {line.lstrip("/") for line in listed.stdout.decode().splitlines()}
        if paths == OLDER.keys():
            assert "is left out" in listed.stderr
            return
        assert paths == CONTENTS.keys() | {"docs", "link", "null"}
    for name, content in CONTENTS.items():
        dumped = victim.run("dump", "latest", f"/{name}", "--no-lock")
        if dumped.code in (0, 3):
            assert dumped.stdout == content, name
            assert ("is left out" in dumped.stderr) is (dumped.code == 3)
        else:
            assert "lpse-ops: error:" in dumped.stderr
            # What came before the damage may be out already, but nothing that is wrong.
            assert content.startswith(dumped.stdout)


@pytest.mark.parametrize("kind", FIELDS)
def test_a_flip_in_every_field(victim: Victim, kind: str):
    judged: Counter[str] = Counter()
    for file in victim.of_kind(kind):
        for region in file.regions:
            for number, (position, bit) in enumerate(flips(region)):
                damaged = flipped(file.content, position, bit)
                judge(victim, file, damaged, thoroughly=number == 1)
                judged[region.field] += 1
    assert judged.keys() == FIELDS[kind]
    assert min(judged.values()) >= 3
    assert judged.total() >= FLOORS[kind][0]


@pytest.mark.parametrize("kind", FIELDS)
def test_a_cut_in_every_field(victim: Victim, kind: str):
    judged: Counter[str] = Counter()
    for file in victim.of_kind(kind):
        for field, length in cuts(file):
            judge(victim, file, file.content[:length], thoroughly=length == 0)
            judged[field] += 1
    assert judged.keys() == FIELDS[kind] | {"all"}
    assert judged.total() >= FLOORS[kind][1]


@pytest.mark.parametrize("kind", FIELDS)
def test_bytes_after_the_end(victim: Victim, kind: str):
    for file in victim.of_kind(kind):
        judge(victim, file, file.content + b"\0", thoroughly=True)


@pytest.mark.parametrize("kind", FIELDS)
def test_a_file_full_of_zeros(victim: Victim, kind: str):
    """What a power cut leaves on some file systems."""
    for file in victim.of_kind(kind):
        judge(victim, file, bytes(len(file.content)), thoroughly=True)


def test_the_repository_is_whole_again_after_all_this(victim: Victim):
    assert {each.name: each.content for each in victim.stored} == {
        str(path.relative_to(victim.root)): path.read_bytes()
        for path in victim.root.rglob("*")
        if path.is_file()
    }
    assert victim.check("--read-data").code == 0


def test_a_snapshot_that_is_asked_for_by_its_id_is_never_another_one(victim: Victim):
    [file] = [each for each in victim.of_kind("snapshot") if each.id == victim.snapshot_id]
    with victim.damaged(file, flipped(file.content, 40)):
        for command in (("ls", file.id), ("dump", file.id, "/empty"), ("stats", file.id)):
            ran = victim.run(*command, "--no-lock")
            assert (ran.code, ran.stdout) == (1, b"")
            assert "is left out" in ran.stderr


def test_a_blob_that_lies_in_two_packs_survives_the_loss_of_either(victim: Victim):
    hit = 0
    for location in victim.copies:
        [file] = [each for each in victim.stored if each.id == location.pack_id.hex()]
        for position in range(location.entry.offset, location.entry.offset + 900, 90):
            with victim.damaged(file, flipped(file.content, position)):
                ran, found = victim.restore("--verify")
                assert (ran.code, found) == (0, CONTENTS)
                assert file.id[:8] in victim.check("--read-data").text
            hit += 1
    assert hit == 20


@pytest.mark.parametrize("kind", [each for each in FIELDS if each != "lock"])
def test_stock_restic_agrees(victim: Victim, restic: Restic, kind: str):
    file = victim.of_kind(kind)[-1]
    wanted = ("ciphertext", "data", "blob 0 MAC")
    region = next(each for each in file.regions if each.field in wanted)
    args = {"repo": victim.root, "password": PASSWORD, "check": False}
    [lock] = victim.of_kind("lock")
    with victim.replaced({lock.name: None}):
        assert restic.run("check", "--read-data", **args).returncode == 0
        with victim.damaged(file, flipped(file.content, region.start)):
            assert restic.run("check", "--read-data", **args).returncode != 0
            assert victim.check("--read-data").code == 1
