"""A host's files read through its real agent, over a real line."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.check import check_structure
from lpse_ops.backup.hostsource import HostSource
from lpse_ops.backup.hosttalk import Taker
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.backup.unfinished import UnfinishedRuns
from lpse_ops.cli.host_source import LinkAgent, open_source
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.connect import HostLinks
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.pending import Pending
from lpse_ops.remote.ssh import SshConnector, Surroundings
from lpse_ops.remote.target import Target
from lpse_ops.remote.transport import Connection, Transport
from tests.backup.cheap_repository import init_cheaply
from tests.backup.nasty_tree import make_nasty_tree
from tests.backup.storing import open_cheap, store
from tests.lab.fixtures import LineTo, line_to, sshd
from tests.lab.sshd import Sshd
from tests.remote.agents import open_links

__all__ = ["line_to", "sshd"]

pytestmark = pytest.mark.xdist_group("ssh")


@pytest.fixture
def link() -> Iterator[AgentLink]:
    with contextlib.closing(open_links()) as links:
        yield links.link()


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pulled") / "nasty"
    make_nasty_tree(root)
    return root


@contextlib.contextmanager
def log_in(sshd: Sshd, home: Path, port: int) -> Iterator["CountingLinks"]:
    """Links to the quick host, perhaps over a longer line."""
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "known_hosts").write_text(f"[{sshd.host}]:{port} {sshd.host_key}\n")
    connector = SshConnector(Surroundings(home, {}, sshd.user, (home / ".ssh" / "config",)))
    target = Target("server", host=sshd.host, port=port, private_key_file=sshd.key_file)
    counting = CountingLinks(target, connector)
    with contextlib.closing(counting.links):
        yield counting


class CountingLinks:
    """``received_bytes`` is what came over the connection, the agent's hello among it."""

    def __init__(self, target: Target, connector: SshConnector) -> None:
        self.received_bytes = 0
        self._connector = connector
        self.links = HostLinks(target, connect=self._connect)

    def _connect(self, target: Target) -> Connection:
        return _CountingConnection(self._connector.open(target), self)


class _CountingConnection:
    def __init__(self, connection: Connection, counting: CountingLinks) -> None:
        self._connection = connection
        self._counting = counting
        self.close = connection.close

    def start(self, command: str) -> Transport:
        return _CountingTransport(self._connection.start(command), self._counting)


class _CountingTransport:
    def __init__(self, transport: Transport, counting: CountingLinks) -> None:
        self._transport = transport
        self._counting = counting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def receive(self, timeout_seconds: float) -> bytes | None:
        received = self._transport.receive(timeout_seconds)
        self._counting.received_bytes += len(received or b"")
        return received


class _Killed(LinkAgent):
    """Its process ends without a word when it was asked for so many files."""

    def __init__(self, link: AgentLink, files: int) -> None:
        super().__init__(link)
        self._pid = link.hello.pid
        self._files = files

    def ask(self, what: str, request: bytes, taker: Taker, limits: Mapping[str, int]) -> Pending:
        asked = super().ask(what, request, taker, limits)
        self._files -= what == "file"
        if what == "file" and not self._files:
            os.kill(self._pid, signal.SIGKILL)
        return asked


def subtree(root: Path, folder: Path) -> bytes | None:
    """The id of a folder's tree in the newest snapshot."""
    repository = open_cheap(root)
    tree = repository.snapshots()[-1].tree
    found = walk_tree(repository, repository.load_index(), tree)
    return next(entry.node.subtree for entry in found if entry.path == os.fsencode(folder))


def test_a_nasty_tree_gives_the_same_tree_as_when_it_is_read_here(
    repo: Path, tmp_path: Path, link: AgentLink, nasty: Path
):
    here = store(init_cheaply(tmp_path / "here"), nasty)
    there = store(repo, nasty, source=open_source(link))
    assert subtree(repo, nasty) == subtree(tmp_path / "here", nasty)
    assert there.counts == here.counts
    again = store(repo, nasty, source=open_source(link))
    assert subtree(repo, nasty) == subtree(tmp_path / "here", nasty)
    assert (again.bytes_read, again.counts.files_unmodified) == (0, here.counts.files_new)


def test_over_a_long_line_an_unchanged_run_is_a_few_questions_and_bytes(
    repo: Path, tmp_path: Path, sshd: Sshd, line_to: LineTo
):
    docs = tmp_path / "docs"
    for number in range(3000):
        path = docs / f"{number // 30:03d}" / f"{number:04d}"
        if not number % 30:
            path.parent.mkdir(parents=True)
        path.write_bytes(b"%d" % number)
    line = line_to(sshd.host, sshd.port, delay_ms=20)
    with log_in(sshd, tmp_path / "home", line.port) as counting:
        link = counting.links.link()
        assert store(repo, docs, source=open_source(link)).counts.files_new == 3000
        sent, received = link.frames_sent, counting.received_bytes
        result = store(repo, docs, source=open_source(link))
        assert (result.bytes_read, result.counts.files_unmodified) == (0, 3000)
        # A look at each folder above, and at what is there; the content took more.
        assert link.frames_sent - sent <= len(docs.parts) + 4
        assert counting.received_bytes - received < 3100 * 25


def test_what_changes_crosses_the_line_and_nothing_else(
    repo: Path, tmp_path: Path, link: AgentLink
):
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(5):
        (docs / f"{number}").write_bytes(os.urandom(2_000_000))
    store(repo, docs, source=open_source(link))
    (docs / "3").write_bytes(os.urandom(1_500_000))
    (docs / "small").write_bytes(b"new")
    result = store(repo, docs, source=open_source(link))
    assert result.bytes_read == 1_500_003
    assert (result.counts.files_changed, result.counts.files_new) == (1, 1)


@pytest.mark.parametrize("file", [1, 6, 10])
def test_an_agent_that_is_killed_ends_the_run_and_harms_nothing(
    repo: Path, tmp_path: Path, file: int
):
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(12):
        (docs / f"{number}").write_bytes(os.urandom(3_000_000))
    first = store(repo, docs / "0")
    unfinished = UnfinishedRuns(tmp_path / "unfinished")
    with contextlib.closing(open_links()) as links:
        link = links.link()
        source = HostSource(_Killed(link, file))
        with pytest.raises(HostUnreachable, match="server"):
            store(repo, docs, source=source, unfinished=unfinished)
    assert [each.id for each in open_cheap(repo).snapshots()] == [first.snapshot.id]
    with contextlib.closing(open_links()) as links:
        again = store(repo, docs, source=open_source(links.link()), unfinished=unfinished)
    # Of the files that were asked for, all but the last four had come.
    assert again.bytes_read <= 36_000_000 - 3_000_000 * max(0, file - 4)
    assert again.counts.total_files_processed == 12
    assert not check_structure(open_cheap(repo)).findings
