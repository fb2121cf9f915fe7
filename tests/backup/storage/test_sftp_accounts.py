"""Accounts that can add to a repository and not take away: what sshd and the kernel do about it.

What holds: folders that belong to root and are sticky, files that root takes over every few
minutes.  What does not: forbidding requests alone, as locks could not be removed either.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile
from lpse_ops.backup.storage.sftp import SftpBackend
from lpse_ops.backup.storage.sftplocation import SftpPlace
from lpse_ops.backup.storage.sftppackets import Ask, Open, attributes, text, u32
from lpse_ops.backup.storage.sftpsession import Refused, SftpSession
from lpse_ops.cli.sftp_access import sftp_dialler
from lpse_ops.errors import StorageError, StorageRefused
from tests.lab.sshd import open_sshd

# An account that every Debian has, and that is not root.
ACCOUNT, UID, GID = "nobody", 65534, 65534
ID, OTHER = "ab" * 32, "ab" + "cd" * 31
PACK, LOCK = f"data/ab/{ID}", f"locks/{ID}"
# What root's cron does every few minutes, as the README has it.
SEAL = (
    "find {root} -path {root}/locks -prune -o -type f ! -name '*-*' -user {user} "
    "-exec chown -h root {{}} +"
)
RMDIR, SETSTAT = 15, 9


@dataclass
class Jail:
    """What the account sees as ``/`` of its server."""

    folder: Path
    backend: SftpBackend
    open_session: object

    @property
    def root(self) -> Path:
        return self.folder / "repo"

    def seal(self) -> None:
        subprocess.run(shlex.split(SEAL.format(root=self.root, user=ACCOUNT)), check=True)

    def session(self) -> SftpSession:
        return SftpSession(self.open_session())


def open_jail(command: str) -> Iterator[Jail]:
    # sshd wants every folder above to be root's, and /tmp is everybody's.
    with tempfile.TemporaryDirectory(dir="/run", prefix="lpse-ops-test-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        settings = {"ChrootDirectory": f"{folder}/jail", "ForceCommand": command}
        (folder / "jail" / "repo").mkdir(parents=True)
        os.chown(folder / "jail" / "repo", UID, GID)
        with open_sshd(folder / "sshd", settings=settings) as sshd:
            sshd.folder.chmod(0o711)
            dial = sftp_dialler(f"-F {sshd.ssh_config}")
            place = SftpPlace(f"sftp:{ACCOUNT}@quick:/repo", "quick", "/repo", ACCOUNT)
            line = dial(place)
            backend = SftpBackend(place, lambda: line)
            yield Jail(folder / "jail", backend, line.open_channel)
            backend.close()


@pytest.fixture
def jail() -> Iterator[Jail]:
    """A repository whose folders root has taken over."""
    for opened in open_jail("internal-sftp"):
        opened.backend.prepare()
        opened.backend.save(CONFIG, b"config")
        for path in (opened.root, *opened.root.rglob("*")):
            if path.is_dir():
                os.chown(path, 0, GID)
                path.chmod(0o1770)
        # Files to come are then for the group as well, which goes on reading what root took.
        (opened.root / CONFIG).chmod(0o440)
        opened.seal()
        yield opened


def test_what_is_sealed_can_be_read_and_added_to_but_not_taken_away(jail: Jail) -> None:
    backend = SftpBackend(
        SftpPlace("sftp:x:/repo", "quick", "/repo", ACCOUNT), lambda: _Line(jail.open_session)
    )
    backend.save(PACK, b"documents")
    jail.seal()
    backend.save(f"data/ab/{OTHER}", b"more")
    assert backend.load(PACK) == b"documents"
    assert list(backend.files(FileKind.PACK)) == [StoredFile(ID, 9), StoredFile(OTHER, 4)]
    for name in (PACK, CONFIG):
        with pytest.raises(StorageRefused, match="Permission denied") as refused:
            backend.remove(name)
        assert "append-only" in refused.value.hint
        with pytest.raises(StorageError):
            backend.save(name, b"overwritten")
    assert backend.load(PACK) == b"documents"
    assert backend.load(CONFIG) == b"config"
    # Nothing half-written is left by what was refused.
    assert len(list((jail.root / "data" / "ab").iterdir())) == 2
    backend.save(LOCK, b"lock")
    backend.remove(LOCK)
    assert list(backend.files(FileKind.LOCK)) == []


@dataclass(frozen=True)
class _Line:
    open_channel: object

    def close(self) -> None:
        """Whoever opened it closes it."""


@pytest.mark.parametrize(
    "fields",
    [
        (Ask.REMOVE, text(b"/repo/" + PACK.encode())),
        (Ask.RENAME, text(b"/repo/" + PACK.encode()), text(b"/repo/locks/x")),
        (Ask.OPEN, text(b"/repo/" + PACK.encode()), u32(Open.WRITE | 16), attributes()),
        (SETSTAT, text(b"/repo/" + PACK.encode()), attributes(0o777)),
        (SETSTAT, text(b"/repo/data/ab"), attributes(0o777)),
        (RMDIR, text(b"/repo/index")),
        (Ask.RENAME, text(b"/repo/data"), text(b"/repo/locks/data")),
    ],
    ids=["remove", "rename", "overwrite", "chmod", "chmod folder", "rmdir", "move folder"],
)
def test_no_request_of_the_protocol_takes_away_what_is_sealed(
    jail: Jail, fields: tuple[int, bytes]
) -> None:
    jail.backend.save(PACK, b"documents")
    jail.seal()
    session = jail.session()
    with pytest.raises(Refused):
        session.done(session.ask(*fields))
    session.close()
    assert (jail.root / PACK).read_bytes() == b"documents"


def test_what_is_not_yet_sealed_can_still_be_taken_away(jail: Jail) -> None:
    """How often root seals is how much there is to lose."""
    jail.backend.save(PACK, b"documents")
    jail.backend.remove(PACK)
    assert not jail.backend.exists(PACK)


def test_a_file_that_is_being_written_is_not_sealed_before_its_time(jail: Jail) -> None:
    """Sealed, it could not get its name, and every backup of more than five minutes would fail."""
    sealed: list[int] = []

    def pace(n_bytes: int) -> None:
        sealed.append(n_bytes)
        jail.seal()

    jail.backend.pace = pace
    jail.backend.save(PACK, bytes(600_000))
    assert len(sealed) > 1
    jail.seal()
    assert (jail.root / PACK).stat().st_uid == 0


def test_forbidding_requests_alone_leaves_the_locks() -> None:
    for jail in open_jail("internal-sftp -P remove,rmdir,setstat,fsetstat,posix-rename"):
        jail.backend.save(PACK, b"documents")
        jail.backend.save(LOCK, b"lock")
        for name in (PACK, LOCK):
            with pytest.raises(StorageRefused):
                jail.backend.remove(name)
        assert list(jail.backend.files(FileKind.LOCK)) == [StoredFile(ID, 4)]
