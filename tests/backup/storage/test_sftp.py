"""What a real SFTP server can do to a repository: cut, full, read-only, one session at a time."""

import hashlib
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile, file_name
from lpse_ops.backup.storage.limit import no_pace
from lpse_ops.backup.storage.retry import RetryBackend
from lpse_ops.backup.storage.sftp import SftpBackend
from lpse_ops.backup.storage.sftplocation import SftpPlace
from lpse_ops.backup.storage.sftppool import Line
from lpse_ops.errors import StorageError, StorageRefused, StorageUnavailable
from tests.backup.smalldisk import mount_small_disk
from tests.backup.storage.sftpservers import SERVER, Opened, SftpServer, open_sftp_server
from tests.lab.delayproxy import open_delay_proxy

ID = "ab" * 32
PACK = f"data/ab/{ID}"
DAY = 24 * 3600
MIB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repo"


@pytest.fixture(params=["sftp_repositories", "plain_sftp_repositories"])
def backend(request: pytest.FixtureRequest, root: Path) -> SftpBackend:
    opened: Opened = request.getfixturevalue(request.param)
    return opened(root)


@pytest.fixture(scope="module")
def frail_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """One whose connections a test may break."""
    with open_sftp_server(tmp_path_factory.mktemp("sftp") / "sshd") as server:
        yield server


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def everything_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def sessions_of(server: SftpServer) -> list[int]:
    """Processes of sshd that serve a connection; killed, they take their SFTP servers along."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = each.read_bytes()
            parents = (each.parent / "status").read_text()
        except OSError:
            continue
        if text.startswith(b"sshd: ") and f"PPid:\t{listener_of(server)}\n" in parents:
            found.append(int(each.parent.name))
    return found


def listener_of(server: SftpServer) -> int:
    config = str(server.sshd.folder / "sshd_config").encode()
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = each.read_bytes()
        except OSError:
            continue
        if text.startswith((b"sshd: ", b"/usr/sbin/sshd")) and config in text:
            return int(each.parent.name)
    raise AssertionError("no sshd")


def test_prepare_lays_out_what_restic_lays_out(backend: SftpBackend, root: Path) -> None:
    backend.prepare()
    backend.prepare()
    assert {path.name for path in root.iterdir()} == set(FileKind)
    assert len(list((root / "data").iterdir())) == 256
    assert {mode_of(path) for path in root.rglob("*")} == {0o700}


def test_missing_folders_are_made_on_demand_and_closed_to_others(
    sftp_repositories: Opened, root: Path
) -> None:
    sftp_repositories(root / "not" / "there").save(PACK, b"x")
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert len(folders) == 5
    assert {mode_of(folder) for folder in folders} == {0o700}


def test_files_are_read_only_and_open_to_the_group_where_config_is(
    sftp_repositories: Opened, root: Path
) -> None:
    backend = sftp_repositories(root)
    backend.save(CONFIG, b"x")
    backend.save(PACK, b"x")
    assert mode_of(root / PACK) == mode_of(root / CONFIG) == 0o400
    (root / CONFIG).chmod(0o440)
    backend = sftp_repositories(root)
    backend.save(f"data/cd/{ID}", b"x")
    assert mode_of(root / f"data/cd/{ID}") & 0o040
    assert mode_of(root / "data/cd") & 0o050


def test_a_file_of_another_content_is_replaced_whole(backend: SftpBackend, root: Path) -> None:
    backend.save("lpse/orphans", b"the first")
    backend.save("lpse/orphans", b"another one")
    assert backend.load("lpse/orphans") == b"another one"
    backend.save(PACK, b"torn")
    backend.save(PACK, b"whole again")
    assert backend.load(PACK) == b"whole again"
    # As a power cut leaves it: the size is right, and nothing else.
    (root / PACK).chmod(0o600)
    (root / PACK).write_bytes(bytes(len(b"whole again")))
    backend.save(PACK, b"whole again")
    assert backend.load(PACK) == b"whole again"
    assert everything_below(root) == [PACK, "lpse/orphans"]


def test_many_files_in_one_folder(backend: SftpBackend, root: Path) -> None:
    (root / "index").mkdir(parents=True)
    ids = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(700)]
    for number, each in enumerate(ids):
        (root / "index" / each).write_bytes(bytes(number))
    expected = sorted(StoredFile(each, number) for number, each in enumerate(ids))
    assert list(backend.files(FileKind.INDEX)) == expected


def test_links_are_followed_and_what_is_no_file_is_not_listed(
    backend: SftpBackend, root: Path
) -> None:
    folder = root / "data" / "ab"
    folder.mkdir(parents=True)
    (root / "elsewhere").write_bytes(b"12345")
    (folder / ID).symlink_to(root / "elsewhere")
    (folder / ("ab" + "00" * 31)).symlink_to(root / "nowhere")
    (folder / ("ab" + "11" * 31)).mkdir()
    os.mkfifo(folder / ("ab" + "22" * 31))
    assert list(backend.files(FileKind.PACK)) == [StoredFile(ID, 5)]
    assert backend.load(PACK) == b"12345"


def test_only_old_junk_of_ours_is_removed(backend: SftpBackend, root: Path) -> None:
    backend.prepare()
    (root / "lpse").mkdir()
    junk = [f"{PACK}-tmp-01234567", "config-tmp-01234567", "lpse/orphans-tmp-01234567"]
    kept = [PACK, "letter-tmp-01234567", f"{PACK}-tmp-0123456", f"keys/{ID}-tmp-fresh"]
    (root / "data" / "ab").mkdir(exist_ok=True)
    for name in (*junk, *kept):
        (root / name).write_bytes(b"x")
        os.utime(root / name, (0, 0))
    fresh = f"index/{ID}-tmp-01234567"
    (root / fresh).write_bytes(b"x")
    backend.remove_junk()
    assert everything_below(root) == sorted([*kept, fresh])


def test_removing_junk_never_fails() -> None:
    def dial() -> Line:
        raise StorageError("nobody there", hint="wait")

    SftpBackend(SftpPlace("sftp:x:/x", "x", "/x"), dial).remove_junk()


def test_a_session_that_was_killed_comes_back(frail_server: SftpServer, root: Path) -> None:
    alone = frail_server.backend(root)
    alone.save(PACK, b"before")
    for pid in sessions_of(frail_server):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(StorageUnavailable, match="is lost") as lost:
        alone.load(PACK)
    assert "sftp quick" in lost.value.hint
    assert alone.load(PACK) == b"before"


def test_a_connection_cut_in_the_middle_of_a_save_harms_nothing(
    frail_server: SftpServer, root: Path
) -> None:
    content = os.urandom(8 * MIB)
    pack = hashlib.sha256(content).hexdigest()
    said: list[str] = []
    cuts: list[int] = []
    backend = frail_server.backend(root)
    backend.save(CONFIG, b"stored before")
    sent = 0

    def cut_at(*places: int) -> Callable[[int], None]:
        left = list(places)

        def pace(n_bytes: int) -> None:
            nonlocal sent
            sent += n_bytes
            if left and sent > left[0]:
                cuts.append(left.pop(0))
                for pid in sessions_of(frail_server):
                    os.kill(pid, signal.SIGKILL)

        return pace

    backend.pace = cut_at(3 * MIB, 9 * MIB)
    tried = RetryBackend(backend, tell=said.append, sleep=lambda _: None)
    tried.save(file_name(FileKind.PACK, pack), content)
    assert len(cuts) == 2
    assert sent > 16 * MIB
    assert backend.load(CONFIG) == b"stored before"
    assert backend.load(file_name(FileKind.PACK, pack)) == content
    assert list(backend.files(FileKind.PACK)) == [StoredFile(pack, 8 * MIB)]
    # What was half-written is left under a name that nobody reads, and goes a day later.
    junk = [name for name in everything_below(root) if "-tmp-" in name]
    assert len(junk) <= 2
    for name in junk:
        os.utime(root / name, (0, 0))
    backend.remove_junk()
    assert everything_below(root) == ["config", f"data/{pack[:2]}/{pack}"]


def test_a_server_that_falls_silent_is_given_up(frail_server: SftpServer, root: Path) -> None:
    sshd = frail_server.sshd
    with open_delay_proxy(sshd.host, sshd.port, delay_ms=1) as proxy:
        config = sshd.folder / f"config-{proxy.port}"
        text = sshd.ssh_config.read_text().replace(f"Port {sshd.port}", f"Port {proxy.port}")
        alias = f"  HostKeyAlias [{sshd.host}]:{sshd.port}\n"
        config.write_text(text.replace("Host *\n", f"{alias}Host *\n"))
        server = SftpServer(sshd, f"-F {config}")
        backend = server.backend(root, patience_seconds=2)
        backend.save(PACK, b"x")
        proxy.freeze()
        with pytest.raises(StorageUnavailable, match="no answer within 2 s"):
            backend.load(PACK)
        proxy.thaw()
        assert backend.load(PACK) == b"x"
        # Also in the middle of a file, when nothing more is taken in.
        backend.pace = lambda _n_bytes: proxy.freeze()
        with pytest.raises(StorageUnavailable):
            backend.save(f"data/cd/{ID}", bytes(40 * MIB))
        backend.pace = no_pace
        proxy.thaw()
        assert backend.load(PACK) == b"x"
        server.close()


def test_a_full_disk_is_told_and_nothing_is_left(sftp_repositories: Opened, tmp_path: Path) -> None:
    with mount_small_disk(tmp_path / "disk") as disk:
        backend = sftp_repositories(disk / "repo")
        backend.save(CONFIG, b"stored before")
        with pytest.raises(StorageError, match="it says Failure") as full:
            backend.save(PACK, os.urandom(4 * MIB))
        assert not isinstance(full.value, StorageUnavailable)
        assert "bytes are free there" in full.value.message
        assert f"df -h {disk}/repo/data/ab" in full.value.hint
        assert everything_below(disk / "repo") == [CONFIG]
        assert backend.load(CONFIG) == b"stored before"
        # The session goes on.
        backend.save(PACK, b"small")
        assert backend.load(PACK) == b"small"


def test_an_account_that_may_only_read(tmp_path: Path, root: Path) -> None:
    (root / "data" / "ab").mkdir(parents=True)
    (root / PACK).write_bytes(b"x")
    with open_sftp_server(tmp_path / "sshd", "internal-sftp -R") as server:
        backend = server.backend(root)
        assert backend.load(PACK) == b"x"
        assert list(backend.files(FileKind.PACK)) == [StoredFile(ID, 1)]
        for change in (
            lambda: backend.save(f"keys/{ID}", b"x"),
            lambda: backend.remove(PACK),
            lambda: backend.prepare(),
        ):
            with pytest.raises(StorageRefused, match="Permission denied") as refused:
                change()
            assert "read-only" in refused.value.hint
    assert everything_below(root) == [PACK]


def test_a_server_that_allows_one_session_serves_many_threads(tmp_path: Path, root: Path) -> None:
    with open_sftp_server(tmp_path / "sshd") as server:
        config = server.sshd.folder / "sshd_config"
        config.write_text(config.read_text() + "MaxSessions 1\n")
        os.kill(listener_of(server), signal.SIGHUP)
        backend = server.backend(root)
        backend.save(CONFIG, b"x")
        contents = [b"%d" % number * 50_000 for number in range(12)]

        def save(content: bytes) -> None:
            backend.save(file_name(FileKind.PACK, hashlib.sha256(content).hexdigest()), content)

        threads = [threading.Thread(target=save, args=(each,)) for each in contents]
        for each in threads:
            each.start()
        for each in threads:
            each.join(20)
        assert len(list(backend.files(FileKind.PACK))) == len(contents)


def test_a_host_without_sftp_says_what_to_set(tmp_path: Path, root: Path) -> None:
    with open_sftp_server(tmp_path / "sshd", "/nonexistent/sftp-server") as server:
        with pytest.raises(StorageError) as none:
            server.backend(root).exists(CONFIG)
        assert not isinstance(none.value, StorageUnavailable)
        assert "Subsystem sftp" in none.value.hint


def test_the_file_and_its_folder_are_synced(tmp_path: Path, root: Path) -> None:
    """As its server tells: strace is not everywhere."""
    log = tmp_path / "requests"
    wrapper = tmp_path / "server"
    wrapper.write_text(f"#!/bin/sh\nexec {SERVER} -e -l DEBUG3 2>>{log}\n")
    wrapper.chmod(0o755)
    with open_sftp_server(tmp_path / "sshd", str(wrapper)) as server:
        backend = server.backend(root)
        backend.prepare()
        log.write_text("")
        backend.save(PACK, bytes(100_000))
        server.close()
    words = ("open", "fsync", "posix-rename", "close")
    said = [line.split(" ")[0] for line in log.read_text().splitlines() if '"' in line]
    # File and folder; the file's bytes; the folder's names.
    expected = ["open", "open", "fsync", "close", "posix-rename", "fsync", "close"]
    assert [word for word in said if word in words] == expected
