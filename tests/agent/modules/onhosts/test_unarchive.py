"""``unarchive`` on a host, by an account that is not root: what it cannot set is no change."""

import io
import tarfile

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.content import content_of_bytes
from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import target_of

pytestmark = pytest.mark.xdist_group("lab-packages")


def archive_of(size: int) -> bytes:
    """Files of root, wide open, in a folder; one of them has a strange name."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        folder = tarfile.TarInfo("f")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        archive.addfile(folder)
        for name in ("f/one", "f/line\nend", "f/\udcff"):
            file = tarfile.TarInfo(name)
            file.mode, file.size, file.uname = 0o4777, size, "root"
            archive.addfile(file, io.BytesIO(b"x" * size))
    return content.getvalue()


def test_by_another_account(hosts):
    target = target_of(hosts[1])
    link = open_link(type(target)(**{**vars(target), "user": "debian"}))
    content = content_of_bytes(archive_of(2 << 20))
    args = {"src": "a.tgz", "dest": "~/here", "list_files": True}

    def unarchive(*, check: bool = False, **more: object) -> dict:
        options = RunOptions(check_mode=check)
        return link.run("unarchive", {**args, **more}, options=options, content=content)

    link.run("file", {"path": "~/here", "state": "directory"}, options=RunOptions())
    assert unarchive(check=True)["changed"]
    first = unarchive()
    assert first["changed"]
    assert first["files"] == ["f/", "f/one", "f/line\nend", "f/\udcff"]
    assert not unarchive()["changed"]
    assert not unarchive(check=True)["changed"]
    shown = hosts[1].run("stat", "-c", "%a %U", "/home/debian/here/f/one").stdout
    assert shown == "755 debian\n"
    hosts[1].run("chmod", "700", "/home/debian/here/f/one")
    assert unarchive()["changed"]
    stripped = {"extra_opts": ["--strip-components=1"]}
    assert unarchive(**stripped)["changed"]
    assert not unarchive(**stripped)["changed"]
    denied = unarchive(dest="/etc")
    assert "failed to unpack" in denied["msg"]
    link.close()
