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
        def readinto(self, buffer):
            most.append(self.tell())
            return super().readinto(buffer)

    most: list[int] = []
    size = 12 << 20
    content = Content(size, sha1(bytes(size)), lambda: Watched(bytes(size)))
    pending = link.submit("probe", {"do": "receive_slowly"}, content=content)
    assert pending.result()["size"] == size
    assert most == sorted(most)
    assert len(most) > size // (1 << 20)


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


@pytest.fixture
def large_file(tmp_path):
    """A file that is not read before it is known whether it is wanted."""
    path = tmp_path / "large"
    path.write_bytes(os.urandom(17 << 20))
    return path


def test_the_checksum_of_a_large_file_is_found_on_the_way(link, large_file, tmp_path):
    content = content_of_file(large_file)
    assert content.checksum is None
    target = tmp_path / "target"
    result = link.run("copy", {"src": "large", "dest": str(target)}, content=content)
    assert result["changed"]
    assert result["checksum"] == sha1(large_file.read_bytes())
    assert target.read_bytes() == large_file.read_bytes()


def test_a_large_file_that_is_there_already_is_not_sent(link, large_file, tmp_path):
    content = content_of_file(large_file)
    target = tmp_path / "target"
    target.write_bytes(large_file.read_bytes())
    sent = link.frames_sent
    result = link.run("copy", {"src": "large", "dest": str(target)}, content=content)
    assert not result["changed"]
    assert result["checksum"] == sha1(large_file.read_bytes())
    # The request, and the checksum that the host asked for.
    assert link.frames_sent - sent == 2


def test_a_large_file_of_the_same_size_takes_the_place_of_another(link, large_file, tmp_path):
    target = tmp_path / "target"
    target.write_bytes(bytes(17 << 20))
    args = {"src": "large", "dest": str(target)}
    assert link.run("copy", args, content=content_of_file(large_file))["changed"]
    assert target.read_bytes() == large_file.read_bytes()


def test_a_large_file_that_is_gone_fails_the_task(link, large_file, tmp_path):
    content = content_of_file(large_file)
    target = tmp_path / "target"
    target.write_bytes(bytes(17 << 20))
    large_file.unlink()
    result = link.run("copy", {"src": "large", "dest": str(target)}, content=content)
    assert "cannot read the content on the controller" in result["msg"]
    assert link.run("ping", {})["ping"] == "pong"


def test_a_large_file_that_becomes_shorter_fails_the_task(link, large_file, tmp_path):
    content = content_of_file(large_file)
    large_file.write_bytes(b"short")
    target = tmp_path / "target"
    result = link.run("copy", {"src": "large", "dest": str(target)}, content=content)
    assert result["msg"] == "the content changed on the controller while it was sent"
    assert not target.exists()


def test_a_large_file_that_changes_while_it_is_sent_fails_the_task(link, large_file, tmp_path):
    class Changing(io.FileIO):
        """Written to by somebody else when most of it was read; its size stays."""

        def readinto(self, buffer):
            if self.tell() == 9 << 20:
                with large_file.open("r+b") as other:
                    other.write(b"new")
            return super().readinto(buffer)

    known = content_of_file(large_file)
    content = Content(known.size_bytes, None, lambda: Changing(large_file), known.find_checksum)
    target = tmp_path / "target"
    result = link.run("copy", {"src": "large", "dest": str(target)}, content=content)
    assert "it changed while it was sent" in result["msg"]
    assert not target.exists()
    assert link.run("copy", {"src": "large", "dest": str(target)}, content=known)["changed"]


def test_a_large_file_beside_a_wanted_checksum(link, large_file, tmp_path):
    content = content_of_file(large_file)
    target = tmp_path / "target"
    args = {"src": "large", "dest": str(target), "checksum": "0" * 40}
    assert link.run("copy", args, content=content)["failed"]
    assert not target.exists()
    args["checksum"] = sha1(large_file.read_bytes())
    assert link.run("copy", args, content=content)["changed"]


def test_the_checksum_is_found_once_for_all_who_ask(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(17 << 20))
    content = content_of_file(path)
    assert content.known_checksum() == sha1(bytes(17 << 20))
    path.unlink()
    assert content.known_checksum() == sha1(bytes(17 << 20))


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
        def readinto(self, buffer):
            link.close()
            return super().readinto(buffer)

    content = Content(1 << 20, "", lambda: Closing(bytes(1 << 20)))
    with pytest.raises(HostUnreachable):
        link.run("probe", {"do": "receive"}, content=content)
