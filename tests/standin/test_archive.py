import io
import tarfile
import zipfile

from tests.standin.archive import Entry, jar, tar_gz


def test_a_tar_has_its_folders_and_modes() -> None:
    packed = tar_gz([Entry("a/b/run", b"#!", executable=True), Entry("a/text", b"halo")])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        found = {member.name: oct(member.mode) for member in archive}
        assert found == {"a": "0o755", "a/b": "0o755", "a/b/run": "0o755", "a/text": "0o644"}
        file = archive.extractfile("a/text")
        assert file is not None
        assert file.read() == b"halo"


def test_the_order_of_entries_does_not_matter() -> None:
    one, other = Entry("a/one", b"1"), Entry("b/other", b"2")
    assert tar_gz([one, other]) == tar_gz([other, one])
    assert jar({"one": b"1", "other": b"2"}) == jar({"other": b"2", "one": b"1"})


def test_a_jar_has_a_manifest() -> None:
    with zipfile.ZipFile(io.BytesIO(jar({"x/Y.class": b"\xca\xfe"}))) as archive:
        assert archive.namelist() == ["META-INF/MANIFEST.MF", "x/Y.class"]
        assert archive.testzip() is None
