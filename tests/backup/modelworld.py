"""A small world for model tests: documents that change, two repositories, and what must be in them.

Every step is done by ours or by a stock restic, in place or killed in the middle.  After each
step the repositories are compared with the model: every snapshot that nobody removed reads byte
for byte as the documents were when it was taken, and the newest restic finds no errors.
"""

import io
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.cli.main import run
from lpse_ops.cli.wiring import App
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import HOST, open_cheap
from tests.cli.commands import PROGRAM, clean_environment
from tests.restic_binaries import Binaries, Restic

TOOLS = ("ours", "old", "new")
KILLED = ("backup", "forget", "prune", "copy")
# Longer than any of the commands takes on so little data: some end before they are killed.
LONGEST_SECONDS = 0.9


class Document(NamedTuple):
    """One file as it is in the source, or in a snapshot; its time of change in nanoseconds."""

    mode: int
    mtime_ns: int
    content: bytes


Documents = Mapping[str, Document]


class Step(NamedTuple):
    """What to do, who does it, and a number that decides the details."""

    kind: str
    tool: str
    number: int


@dataclass
class Store:
    """A repository and the snapshots that must be in it; ``milestones`` are never removed."""

    root: Path
    expected: dict[str, Documents] = field(default_factory=dict)
    milestones: set[str] = field(default_factory=set)


class World:
    """Lives in ``folder``; ``counts`` says afterwards what was done how often.

    ``scale`` makes the documents larger, so that more of a command's time is spent on them.
    """

    def __init__(self, folder: Path, restics: Binaries, *, scale: int = 1) -> None:
        self._folder = folder
        self._scale = scale
        self._restics = {"old": restics.old, "new": restics.new}
        self._source = folder / "documents"
        self._source.mkdir()
        self._main = Store(init_cheaply(folder / "main"))
        self._copy = Store(init_cheaply(folder / "copy"))
        self._password = folder / "password"
        self._password.touch(0o600)
        self._password.write_text(PASSWORD)
        self.counts: Counter[str] = Counter()
        self._kinds: dict[str, Callable[[Step], None]] = {
            "write": self._write,
            "backup": self._backup,
            "forget": self._forget,
            "prune": self._prune,
            "copy": self._copy_over,
            "milestone": self._keep_forever,
            "kill": self._kill,
        }

    def do(self, step: Step) -> None:
        """Take one step and look at everything."""
        self._kinds[step.kind](step)
        self.counts[step.kind] += 1
        for store in (self._main, self._copy):
            self._compare(store)
            self._judge(self._restics["new"], store)

    def finish(self) -> None:
        """The last word is that of two strangers: the old restic reads all, the new restores."""
        for store in (self._main, self._copy):
            self._judge(self._restics["old"], store)
            for number, (snapshot_id, documents) in enumerate(store.expected.items()):
                target = self._folder / f"restored-{store.root.name}-{number}"
                self._stock("new", store, "restore", snapshot_id, "--target", target)
                restored = target / self._source.relative_to("/")
                assert describe(restored) == documents, f"{snapshot_id} restored by restic"
                shutil.rmtree(target)

    # -- steps -------------------------------------------------------------------------------

    def _write(self, step: Step) -> None:
        """Add, change and remove some documents."""
        chance = random.Random(step.number)
        for _ in range(1 + step.number % 3):
            path = self._source / f"{chance.randrange(4)}" / f"{chance.randrange(5)}.rhs"
            if path.exists() and chance.random() < 0.3:
                path.unlink()
                continue
            path.parent.mkdir(exist_ok=True)
            size = self._scale * chance.choice((0, 1, 500, 30_000, 700_000))
            text = b"penawaran " * (size // 10)
            path.write_bytes(text if chance.random() < 0.5 else chance.randbytes(size))

    def _backup(self, step: Step) -> None:
        documents = describe(self._source)
        before = listed(self._main)
        self._run(step.tool, self._main, *self._backup_words(step.tool))
        (new,) = listed(self._main) - before
        self._main.expected[new] = documents

    def _backup_words(self, tool: str) -> list[str | Path]:
        verb = ["run"] if tool == "ours" else ["backup"]
        return [*verb, "--host", HOST, self._source]

    def _forget(self, step: Step) -> None:
        keep = 1 + step.number % 3
        prune = ["--prune"] if step.number % 2 else []
        if not self._main.expected:
            return
        kept = self._kept(step.tool, keep)
        self._run(step.tool, self._main, "forget", f"--keep-last={keep}", *prune)
        self._main.expected = {each: self._main.expected[each] for each in kept}
        self._main.milestones &= kept

    def _kept(self, tool: str, keep: int) -> set[str]:
        newest = sorted(snapshots(self._main), key=lambda each: each.time)[-keep:]
        # Stock restic knows the tag of a milestone only when it is told to keep it.
        return {each.id for each in newest} | (self._main.milestones if tool == "ours" else set())

    def _prune(self, step: Step) -> None:
        store = (self._main, self._copy)[step.number % 2]
        unused = ("0", "5%", "unlimited")[step.number % 3]
        self._run(step.tool, store, "prune", f"--max-unused={unused}")

    def _copy_over(self, step: Step) -> None:
        self._run(step.tool, self._copy, *self._copy_words())
        self._take_over_copies()
        assert set(map(key, snapshots(self._main))) <= set(map(key, snapshots(self._copy)))

    def _copy_words(self) -> tuple[str | Path, ...]:
        return "copy", "--from-repo", self._main.root, "--from-password-file", self._password

    def _take_over_copies(self) -> None:
        """What is new in the copy must be what it was copied from."""
        originals = {key(each): self._main.expected[each.id] for each in snapshots(self._main)}
        for each in snapshots(self._copy):
            if each.id not in self._copy.expected:
                self._copy.expected[each.id] = originals[key(each)]

    def _keep_forever(self, step: Step) -> None:
        ids = sorted(self._main.expected)
        if not ids:
            return
        chosen = ids[step.number % len(ids)]
        before = listed(self._main)
        self._run("ours", self._main, "tag", "--keep-forever", "Audit BPK", chosen)
        for new in listed(self._main) - before:
            self._main.expected[new] = self._main.expected.pop(chosen)
            self._main.milestones = self._main.milestones - {chosen} | {new}

    def _kill(self, step: Step) -> None:
        """Start one of our commands, kill it at some moment, and see that nothing was lost."""
        what = KILLED[step.number % len(KILLED)]
        documents = describe(self._source)
        before = listed(self._main)
        kept = self._kept("ours", 1) if what == "forget" else before
        words: dict[str, tuple[str | Path, ...]] = {
            "backup": tuple(self._backup_words("ours")),
            "forget": ("forget", "--keep-last=1", "--prune"),
            "prune": ("prune", "--max-unused=0"),
            "copy": self._copy_words(),
        }
        store = self._copy if what == "copy" else self._main
        self._kill_after(random.Random(step.number).random(), store, *words[what])
        now = listed(self._main)
        assert kept <= now
        for new in now - before:
            assert what == "backup"
            self._main.expected[new] = documents
        self._main.expected = {each: self._main.expected[each] for each in now}
        self._take_over_copies()

    def _kill_after(self, share: float, store: Store, *words: str | Path) -> None:
        process = subprocess.Popen(
            [*PROGRAM, *self._our_words(store, words)],
            env=clean_environment() | self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(share * LONGEST_SECONDS)
        process.kill()
        self.counts["killed" if process.wait() < 0 else "too late"] += 1
        # A user whose restic says "locked" types this; ours needs no help.
        self._stock("new", store, "unlock")
        self._stock("new", self._main, "unlock")

    # -- tools -------------------------------------------------------------------------------

    def _run(self, tool: str, store: Store, *words: str | Path) -> None:
        self.counts[f"{tool} {words[0]}"] += 1
        if tool != "ours":
            self._stock(tool, store, *words)
            return
        said = io.StringIO()
        app = App(environment=self._environment, stderr=said)
        code = run([*self._our_words(store, words), "--output", os.devnull], app)
        assert code == 0, f"{words} ended with {code}: {said.getvalue()}"

    def _stock(self, tool: str, store: Store, *words: str | Path) -> None:
        self._restics[tool].run(*words, repo=store.root, password=PASSWORD)

    def _our_words(self, store: Store, words: Iterable[str | Path]) -> list[str]:
        where = ("--repo", store.root, "--password-file", self._password)
        return list(map(str, ("backup", *where, *words)))

    @property
    def _environment(self) -> dict[str, str]:
        return {"LPSE_OPS_STATE": str(self._folder / "state")}

    # -- what must be true -------------------------------------------------------------------

    def _compare(self, store: Store) -> None:
        repository = open_cheap(store.root)
        found = repository.snapshots()
        assert {each.id for each in found} == set(store.expected), store.root.name
        index = repository.load_index()
        for snapshot in found:
            stored = read_documents(repository, index, snapshot, self._source)
            assert stored == store.expected[snapshot.id], snapshot.id

    def _judge(self, restic: Restic, store: Store) -> None:
        restic.run("check", "--read-data", "--no-lock", repo=store.root, password=PASSWORD)


def listed(store: Store) -> set[str]:
    return {path.name for path in (store.root / "snapshots").iterdir()}


def snapshots(store: Store) -> list[Snapshot]:
    return open_cheap(store.root).snapshots()


def key(snapshot: Snapshot) -> tuple[datetime, bytes]:
    """What a snapshot keeps when it is copied into another repository."""
    return snapshot.time, snapshot.tree


def describe(folder: Path) -> Documents:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            status = path.stat()
            document = Document(status.st_mode & 0o777, status.st_mtime_ns, path.read_bytes())
            found[str(path.relative_to(folder))] = document
    return found


def read_documents(
    repository: Repository, index: BlobIndex, snapshot: Snapshot, source: Path
) -> Documents:
    """What a restore would bring back, read blob by blob."""
    found = {}
    for entry in walk_tree(repository, index, snapshot.tree):
        node = entry.node
        if node.type == "file":
            pieces = [repository.load_blob(index, BlobType.DATA, each) for each in node.content]
            name = str(Path(os.fsdecode(entry.path)).relative_to(source))
            found[name] = Document(node.mode & 0o777, node.mtime_ns, b"".join(pieces))
    return found
