import os

import pytest
from spse_steps.durable import (
    open_folder_beneath,
    read_beneath,
    read_trusted,
    remove_durably,
    write_durably,
)


def test_a_file_is_whole_and_has_its_mode(tmp_path):
    path = tmp_path / "a"
    points: list[str] = []
    write_durably(str(path), b"one", mode=0o640, root=str(tmp_path), trace=points.append)
    (tmp_path / ".a.new").write_text("left by a killed run")
    write_durably(str(path), b"two", mode=0o640, root=str(tmp_path))
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a"]
    assert points == ["a: write", "a: written", "a: renamed"]


def test_no_link_is_followed_below_the_root(tmp_path):
    (tmp_path / "release").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "release/conf").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match=r"\w"):
        write_durably(str(tmp_path / "release/conf/a"), b"x", root=str(tmp_path / "release"))
    assert os.listdir(tmp_path / "target") == []


def test_a_link_in_the_place_of_the_file_is_replaced(tmp_path):
    (tmp_path / "victim").write_text("safe")
    (tmp_path / "a").symlink_to(tmp_path / "victim")
    write_durably(str(tmp_path / "a"), b"x", root=str(tmp_path))
    assert (tmp_path / "victim").read_text() == "safe"
    assert not (tmp_path / "a").is_symlink()


def test_nothing_outside_of_the_root(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_text("x")
    with pytest.raises(OSError, match="is not below"):
        read_beneath(str(tmp_path / "in"), str(tmp_path / "out"), 10)
    with open_folder_beneath(str(tmp_path), str(tmp_path)) as descriptor:
        assert os.listdir(descriptor)


def test_no_more_is_read_than_asked_for(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789" * 20_000)
    assert len(read_beneath(str(tmp_path), str(tmp_path / "a"), 150_000)) == 150_000
    assert read_beneath(str(tmp_path), str(tmp_path / "a"), 3, 5) == b"567"


def test_what_decides_must_be_ours_alone(tmp_path):
    path = tmp_path / "a"
    path.write_text("x")
    path.chmod(0o600)
    assert read_trusted(str(path), 10) == b"x"
    with pytest.raises(OSError, match="larger than 0"):
        read_trusted(str(path), 0)
    path.chmod(0o620)
    with pytest.raises(OSError, match="chmod go-w"):
        read_trusted(str(path), 10)
    with pytest.raises(OSError, match="not a regular file"):
        read_trusted(str(tmp_path), 10)


def test_removing_what_is_gone_is_no_error(tmp_path):
    (tmp_path / "a").write_text("x")
    remove_durably(str(tmp_path / "a"))
    remove_durably(str(tmp_path / "a"))
    assert os.listdir(tmp_path) == []
