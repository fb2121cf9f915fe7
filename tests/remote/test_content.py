"""Content to and from a host: along with the request when small, streamed within a window else."""

import hashlib
import io
import os

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.content import Content, content_of_bytes, content_of_file
from lpse_ops.remote.request import INLINE_BYTES, Item


def sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES])
def test_small_content_goes_along(link, size):
    content = os.urandom(size)
    sent = link.frames_sent
    result = link.run("probe", {"do": "receive"}, content=content_of_bytes(content))
    assert (result["size"], result["checksum"]) == (size, sha1(content))
    assert link.frames_sent == sent + 1


def test_large_content_is_not_sent_unless_wanted(link):
    content = content_of_bytes(b"x" * (INLINE_BYTES + 1))
    sent, received = link.frames_sent, link.frames_received
    result = link.run("probe", {"do": "receive", "text": "not"}, content=content)
    assert result["checksum"] == content.checksum
    assert (link.frames_sent - sent, link.frames_received - received) == (1, 1)


@pytest.mark.parametrize("size", [INLINE_BYTES + 1, 20 << 20])
def test_large_content_arrives_as_it_is(link, size):
    content = os.urandom(size)
    result = link.run("probe", {"do": "receive"}, content=content_of_bytes(content))
    assert (result["size"], result["checksum"]) == (size, sha1(content))


def test_never_more_is_under_way_than_the_host_has_room_for(link):
    """The file is asked for more only when some of it was written there."""

    class Watched(io.BytesIO):
        def read(self, size=-1):
            most.append(self.tell())
            return super().read(size)

    most: list[int] = []
    size = 12 << 20
    content = Content(size, sha1(bytes(size)), lambda: Watched(bytes(size)))
    pending = link.submit("probe", {"do": "receive_slowly"}, content=content)
    assert pending.result()["size"] == size
    assert most == sorted(most)


def test_other_tasks_go_on_while_content_is_sent(link):
    """Content of another task moves only when its result is waited for."""
    content = content_of_bytes(bytes(9 << 20))
    pending = link.submit("probe", {"do": "receive"}, content=content)
    assert link.run("ping", {})["ping"] == "pong"
    assert pending.result()["size"] == 9 << 20


def test_content_that_changes_meanwhile_fails_the_task(link):
    content = Content(INLINE_BYTES + 5, sha1(b"other"), lambda: io.BytesIO(b"x" * 5))
    result = link.run("probe", {"do": "receive"}, content=content)
    assert result["msg"] == "the content changed on the controller while it was sent"


def test_content_that_cannot_be_read_fails_the_task(link, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(INLINE_BYTES + 1))
    content = content_of_file(path)
    path.unlink()
    result = link.run("probe", {"do": "receive"}, content=content)
    assert result["failed"]
    assert "No such file or directory" in result["msg"]
    assert link.run("ping", {})["ping"] == "pong"


def test_small_content_that_is_gone_fails_the_task_that_wants_it(link, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    content = content_of_file(path)
    path.unlink()
    assert "No such file" in link.run("probe", {"do": "receive"}, content=content)["msg"]
    assert link.run("probe", {"do": "receive", "text": "not"}, content=content)["size"] == 1


def test_every_item_has_its_own_content(link):
    contents = [str(number).encode() * 1000 for number in range(260)]
    contents += [os.urandom(INLINE_BYTES + 1), b"last"]
    items = [Item({"do": "receive"}, content_of_bytes(content)) for content in contents]
    sent = link.frames_sent
    results = [each.result() for each in link.submit_items("probe", items)]
    assert [result["checksum"] for result in results] == [sha1(content) for content in contents]
    # The request, and the large one in one piece with its end.
    assert link.frames_sent - sent == 3


@pytest.mark.parametrize("size", [0, 1, 40 << 20])
def test_a_file_comes_back(link, size):
    file = io.BytesIO()
    count = size // 16
    result = link.run("probe", {"do": "send", "number": count}, save_to=file)
    assert result["size"] == count * 16
    assert file.getvalue() == b"0123456789abcdef" * count


def test_nobody_sends_what_was_not_asked_for(link):
    result = link.run("probe", {"do": "send", "number": 1})
    assert result["msg"] == "the controller did not ask for any content"


def test_a_full_disk_here_ends_the_task_there(link):
    class Full(io.BytesIO):
        def write(self, _piece):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        link.run("probe", {"do": "send", "number": 10 << 16}, save_to=Full())
    assert link.run("ping", {})["ping"] == "pong"


def test_a_lost_link_ends_a_transfer(links):
    link = links().link()

    class Closing(io.BytesIO):
        def read(self, size=-1):
            link.close()
            return super().read(size)

    content = Content(1 << 20, "", lambda: Closing(bytes(1 << 20)))
    with pytest.raises(HostUnreachable):
        link.run("probe", {"do": "receive"}, content=content)
