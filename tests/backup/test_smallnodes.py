"""What workers say of small files becomes nodes, counts, and a list of what to read again."""

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.filereader import ArchiveCounts
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.smallfiles import Batch, Origin
from lpse_ops.backup.smallnames import Group
from lpse_ops.backup.smallnodes import SmallNodes
from lpse_ops.backup.treebuilder import Folder, TreeBuilder
from lpse_ops.backup.workmemory import Looked, finish_node
from tests.backup.test_smallfiles import found

IDS = [bytes([i]) * 32 for i in range(1, 10)]


class Bar(Progress):
    def __init__(self) -> None:
        self.size_bytes = 0

    def advance(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes

    def expect(self, total_bytes: int) -> None:
        raise NotImplementedError


class Site:
    """Folders ``a`` and ``b``, whose files have attributes that name them."""

    def __init__(self) -> None:
        self.trees: list[bytes] = []
        self.builder = TreeBuilder(self.save)
        self.counts = ArchiveCounts()
        self.bar = Bar()
        self.nodes = SmallNodes(
            self.builder, self.counts, self.bar, lambda *_: "", lambda path: f",{path.decode()}"
        )

    def save(self, blob: bytes) -> bytes:
        self.trees.append(blob)
        return bytes(32)

    def open(self, name: bytes, *files: bytes) -> Folder:
        folder = self.builder.open_folder(None, name, "", None)
        folder.expect(files)
        return folder

    @property
    def retried(self) -> list[tuple[object, ...]]:
        return [tuple(each) for each in self.nodes.retry]


def test_a_batch_becomes_nodes() -> None:
    site = Site()
    a, b = site.open(b"a", b"1", b"2"), site.open(b"b", b"3", b"4")
    one, other = Origin(a, b"/a/", is_new=True), Origin(b, b"/b/", is_new=False)
    files = [found(b"1", 5), found(b"2", 6), found(b"3", 7), found(b"4", 8)]
    flags = bytes([wm.READ_AGAIN, wm.PLAIN, wm.HAS_XATTRS, wm.READ_AGAIN])
    site.nodes.finish_batch(Batch([one, one, other, other], files), flags, IDS[:4])
    assert site.retried == [(a, b"1", b"/a/1", True), (b, b"4", b"/b/4", False)]
    assert str(a.entries[b"2"]).endswith(f'"links":1,"content":["{IDS[1].hex()}"]}}')
    assert str(b.entries[b"3"]).endswith(f',/b/3,"content":["{IDS[2].hex()}"]}}')
    assert (a.waiting, b.waiting) == (1, 1)
    assert (site.counts.files_new, site.counts.files_changed) == (1, 1)
    assert (site.counts.bytes_read, site.bar.size_bytes) == (13, 13)


def test_what_was_looked_at_goes_to_its_folders() -> None:
    site = Site()
    a, b = site.open(b"a", b"1", b"2"), site.open(b"b", b"3", b"4", b"5", b"6", b"7")
    groups = [Group(a, b"/a", [b"1", b"2"]), Group(b, b"/b", [b"3", b"4", b"5", b"6", b"7"])]
    flags = bytes([wm.PLAIN, wm.PLAIN, wm.HAS_XATTRS, wm.READ_AGAIN, wm.PLAIN])
    site.builder.close_folder(a)
    site.nodes.finish_looked(
        groups, Looked(flags, [1, 2, 3, 0, 0], IDS[:5], ['{"1"', '{"2"', '{"3"', "", '{"5"'])
    )
    assert a.entries == {b"1": '{"1"', b"2": '{"2"'}
    assert b.entries == {
        b"3": f'{{"3",/b/3,"content":["{IDS[2].hex()}"]}}',
        b"4": None,
        b"5": '{"5"',
        b"6": None,
        b"7": None,
    }
    assert site.retried == [(b, b"4", b"/b/4", True)]
    assert b.waiting == 3
    site.builder.save_ready()
    assert len(site.trees) == 1  # a had all
    assert (site.counts.files_new, site.counts.total_bytes_processed) == (4, 6)
    assert site.bar.size_bytes == 6


def test_an_empty_file_has_no_content() -> None:
    assert finish_node("{", "", 0, IDS[0]) == '{,"content":[]}'
