"""What a worker makes of names: nodes of small files, and which of them it leaves to others."""

import hashlib
import os
from pathlib import Path

import pytest

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.chunker import MIN_BYTES
from lpse_ops.backup.gojson import quote_name
from lpse_ops.backup.localsource import identity_of, owner_text
from lpse_ops.backup.node import encode_xattrs
from lpse_ops.backup.smalllook import SmallLooks
from lpse_ops.backup.treebuilder import render_file, render_head
from lpse_ops.backup.workmemory import Looked
from tests.backup.test_smallread import forget, write

# More than are on their way from a disk at once.
MANY = 100


def look(*groups: tuple[Path, list[bytes]], room: int = wm.INPUT_BYTES) -> tuple[Looked, bytes]:
    """What the main process reads of the answer, and what stands in the buffer."""
    texts = [
        wm.END_OF_NAME.join((os.fsencode(folder), identity_text(folder), *names))
        for folder, names in groups
    ]
    content = bytearray(room)
    with memoryview(content) as view:
        answer = SmallLooks(view).read(b".." + wm.END_OF_GROUP.join(texts), 2)
        looked = wm.read_looked(b"." + answer, 1, view)
    return looked, bytes(content)


def identity_text(folder: Path) -> bytes:
    identity = identity_of(folder.stat()) if folder.exists() else wm.NO_FOLDER
    return wm.encode_identity(identity)


def node(path: Path, *ids: bytes) -> str:
    status = path.lstat()
    quoted = quote_name(os.fsencode(path.name))
    head = render_head(quoted, status, status.st_size, status.st_nlink, owner_text)
    return render_file(head, "", ids)


@pytest.mark.parametrize("is_cold", [False, True], ids=["in memory", "on disk"])
def test_files_become_nodes(tmp_path: Path, is_cold: bool) -> None:
    contents = [os.urandom(i * 97 % 5000) for i in range(MANY)]
    paths = [write(tmp_path / f"{i} \u00e9<\n>", each) for i, each in enumerate(contents)]
    if is_cold:
        for path in paths:
            forget(path)
    looked, found = look((tmp_path, [os.fsencode(path.name) for path in paths]))
    ids = [hashlib.sha256(each).digest() for each in contents]
    assert looked.flags == bytes([wm.PLAIN] * MANY)
    assert looked.ids == ids
    assert list(looked.sizes) == list(map(len, contents))
    assert looked.texts == [
        node(path, *([blob_id] if content else []))
        for path, blob_id, content in zip(paths, ids, contents, strict=True)
    ]
    assert found.startswith(b"".join(contents))


def test_a_request_may_name_files_of_several_folders(tmp_path: Path) -> None:
    groups = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "document", name.encode())
        groups.append((folder, [b"document"]))
    missing = (tmp_path / "gone", [b"a", b"b"])
    looked, _ = look(groups[0], missing, groups[1])
    assert list(looked.flags) == [wm.PLAIN, wm.READ_AGAIN, wm.READ_AGAIN, wm.PLAIN]
    assert looked.texts[3] == node(tmp_path / "other" / "document", looked.ids[3])
    assert looked.ids[3] == hashlib.sha256(b"other").digest()


def test_what_is_no_small_file_is_left_to_others(tmp_path: Path) -> None:
    write(tmp_path / "just small", bytes(MIN_BYTES))
    write(tmp_path / "large", bytes(MIN_BYTES + 1))
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("just small")
    names = [b"large", b"folder", b"fifo", b"link", b"gone", b"just small"]
    looked, _ = look((tmp_path, names))
    assert list(looked.flags) == [wm.READ_AGAIN] * 5 + [wm.PLAIN]
    assert list(looked.sizes) == [0] * 5 + [MIN_BYTES]
    assert looked.texts[:5] == [""] * 5


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "document", b"signed")
    (tmp_path / "link").symlink_to("folder")
    looked, _ = look((tmp_path / "link", [b"document"]))
    assert list(looked.flags) == [wm.READ_AGAIN]


def test_another_folder_in_the_place_of_the_one_that_was_listed_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "document", b"signed")
    request = wm.END_OF_NAME.join((os.fsencode(tmp_path), b"1:1", b"document"))
    with memoryview(bytearray(4096)) as view:
        looked = wm.read_looked(SmallLooks(view).read(request, 0), 0, view)
    assert list(looked.flags) == [wm.READ_AGAIN]


def test_a_path_that_nobody_else_could_open_is_left_to_others(tmp_path: Path) -> None:
    folder = tmp_path
    while len(bytes(folder)) < 4095 - 200:
        folder /= "d" * 90
    folder /= "e" * (4095 - len(bytes(folder)) - 1 - 11)
    folder.mkdir(parents=True)
    write(folder / "123456789", b"short")
    place = os.open(folder, os.O_PATH)
    try:
        os.close(os.open(b"12345678901", os.O_CREAT | os.O_WRONLY, dir_fd=place))
        looked, _ = look((folder, [b"123456789", b"12345678901"]))
        os.unlink(b"12345678901", dir_fd=place)
    finally:
        os.close(place)
    assert list(looked.flags) == [wm.PLAIN, wm.READ_AGAIN]


def test_attributes_are_left_to_others_with_the_node_before_them(tmp_path: Path) -> None:
    path = write(tmp_path / "document", b"signed")
    os.setxattr(path, "user.note", b"x")
    looked, _ = look((tmp_path, [b"document"]))
    assert list(looked.flags) == [wm.HAS_XATTRS]
    xattrs = encode_xattrs(((b"user.note", b"x"),))
    whole = wm.finish_node(looked.texts[0], xattrs, looked.sizes[0], looked.ids[0])
    assert whole == node(path, looked.ids[0]).replace(',"content"', f'{xattrs},"content"')


def test_what_finds_no_room_is_for_the_next_request(tmp_path: Path) -> None:
    names = [b"%d" % i for i in range(10)]
    for name in names:
        write(tmp_path / name.decode(), b"x" * 1000)
    looked, found = look((tmp_path, names), (tmp_path, names), room=8000)
    done = len(looked.flags)
    assert 0 < done < len(names)
    assert looked.flags == bytes([wm.PLAIN] * done)
    assert looked.texts == [node(tmp_path / name.decode(), looked.ids[0]) for name in names[:done]]
    assert found[: 1000 * done] == b"x" * 1000 * done


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    for i in range(MANY):
        write(tmp_path / str(i), bytes(i))
    write(tmp_path / "large", bytes(MIN_BYTES + 1))
    look((tmp_path, [b"large", *(b"%d" % i for i in range(MANY))]), room=40_000)
    assert os.listdir("/proc/self/fd") == before
