"""Every JSON field of every kind of file is changed by somebody who has the key.

A buggy writer, or an attacker: the file is sealed and named as it should be, so that no MAC and no
hash tells.  Whatever it says, nothing crashes, no file gets bytes that are not its own, and what
cannot be restored is found by ``check``.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from lpse_ops.backup.crypto import Crypter, keys_from_bytes
from lpse_ops.backup.pack import BlobType
from tests.backup.bitrot import CONTENTS, OLDER, Ran, Stored, Victim
from tests.backup.cheap_repository import PASSWORD
from tests.backup.hostile import places, removed, replaced
from tests.backup.storing import open_cheap

Place = tuple[Any, ...]
_REMOVED = object()
VALUES: list[Any] = [
    _REMOVED,
    None,
    True,
    -1,
    1 << 31,
    1 << 64,
    10**400,
    0.5,
    "",
    "\ud800",
    "z" * 64,
    "a" * 64,
    "x" * 100_000,
    [],
    [None],
    {},
]
# How many distinct fields each kind of file has here; fewer means that something is left out.
FIELDS = {
    "config": 4,
    "key": 10,
    "master key": 5,
    "index": 11,
    "snapshot": 19,
    "lock": 13,
    "tree": 26,
}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim(tmp_path_factory.mktemp("fields"))


def forgeries(document: Any) -> Iterator[tuple[Place, bytes]]:
    """Each distinct field with each value, as JSON; of equal entries of a list the first is taken.

    ``inf`` and ``nan``, which JSON has not but Python reads, are among the fuzz tests.
    """
    seen: set[Place] = set()
    for place in places(document):
        if (field := field_of(place)) in seen:
            continue
        seen.add(field)
        for value in VALUES:
            if value is not _REMOVED:
                yield field, json.dumps(replaced(document, place, value)).encode()
            elif place:
                yield field, json.dumps(removed(document, place)).encode()


def field_of(place: Place) -> Place:
    """A place without numbers: the same for all elements of a list."""
    return tuple("*" if isinstance(step, int) else step for step in place)


def judge(victim: Victim, *flags: str) -> None:
    """What is restored is right or told, and ``check`` knew."""
    checked = victim.check(*flags)
    ran, found = victim.restore()
    if found == OLDER:
        assert ran.code == 3
        assert "is left out" in ran.stderr
        assert checked.code == 1
    elif ran.code != 0:
        assert_told(ran)
        assert checked.code != 0
        assert found.items() <= CONTENTS.items()
    else:
        assert found == CONTENTS


def judge_tree(victim: Victim) -> None:
    """A file may have another name or be gone: that is what the snapshot says.

    What ``check`` lets pass restores without a problem of content; no file has another's bytes.
    """
    checked = victim.check()
    ran, found = victim.restore()
    if ran.code != 0:
        assert_told(ran)
    if checked.code == 0:
        assert set(found.values()) <= {*CONTENTS.values(), *OLDER.values()}
    for name in found.keys() & CONTENTS.keys():
        assert found[name] == CONTENTS[name] or checked.code == 1


def assert_told(ran: Ran) -> None:
    """A command that fails says why: in its answer, or with an error and a hint."""
    if ran.stdout:
        assert json.loads(ran.stdout)["errors"]
    else:
        assert "lpse-ops: error:" in ran.stderr
        assert "lpse-ops: hint:" in ran.stderr


def largest(victim: Victim, kind: str) -> Stored:
    return max(victim.of_kind(kind), key=lambda each: len(each.content))


@pytest.mark.parametrize("kind", ["config", "key", "index", "snapshot"])
def test_every_field_of_a_file(victim: Victim, kind: str):
    judged: Counter[Place] = Counter()
    file = largest(victim, kind)
    for field, plaintext in forgeries(json.loads(victim.plaintext(file))):
        with victim.resealed(file, plaintext):
            judge(victim, *(["--read-data"] if kind == "index" else []))
        judged[field] += 1
    assert len(judged) >= FIELDS[kind], sorted(judged)
    assert min(judged.values()) >= len(VALUES) - 1


def test_every_field_of_a_lock(victim: Victim):
    """It is a lock, or it is named as one that cannot be read; nobody takes it for none."""
    judged: Counter[Place] = Counter()
    [file] = victim.of_kind("lock")
    for field, plaintext in forgeries(json.loads(victim.plaintext(file))):
        with victim.resealed(file, plaintext) as name:
            ran = victim.run("check")
            assert ran.code == 11, field
            assert name[6:14] in ran.stderr or "locked by PID" in ran.stderr
        judged[field] += 1
    assert len(judged) >= FIELDS["lock"], sorted(judged)


def test_every_field_of_a_tree(victim: Victim):
    judged: Counter[Place] = Counter()
    repository = open_cheap(victim.root)
    blob = repository.load_blob(repository.load_index(), BlobType.TREE, victim.tree_id)
    for field, plaintext in forgeries(json.loads(blob)):
        with victim.with_tree(plaintext):
            judge_tree(victim)
        judged[field] += 1
    assert len(judged) >= FIELDS["tree"], sorted(judged)


def test_every_field_of_the_sealed_master_key(victim: Victim):
    judged: Counter[Place] = Counter()
    [file] = victim.of_kind("key")
    raw = json.loads(file.content)
    salt = base64.b64decode(raw["salt"])
    material = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=2, r=1, p=1, dklen=64)
    crypter = Crypter(keys_from_bytes(material))
    master = json.loads(crypter.open(base64.b64decode(raw["data"])))
    for field, plaintext in forgeries(master):
        sealed = base64.b64encode(crypter.seal(plaintext)).decode()
        with victim.resealed(file, json.dumps(raw | {"data": sealed}).encode()) as name:
            for ran in (victim.check(), victim.restore()[0], victim.run("key", "list")):
                assert (ran.code, ran.stdout) == (1, b""), field
                assert name[5:13] in ran.stderr or "config file" in ran.stderr
        judged[field] += 1
    assert len(judged) >= FIELDS["master key"]
