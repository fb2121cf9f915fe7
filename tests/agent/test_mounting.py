"""What is mounted, as the kernel tells it."""

from lpse_ops.agent.mounting import find_source, is_same_source, parse_sources


def test_sources_of_mounts_and_bind_mounts():
    lines = [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        r"90 22 8:1 /srv/a\040b /mnt/c\040d rw,relatime - ext4 /dev/sda1 rw",
        "91 22 0:40 / /mnt/t rw - tmpfs tmpfs rw",
    ]
    assert parse_sources(lines) == {"/": "/dev/sda1", "/mnt/c d": "/srv/a b", "/mnt/t": "tmpfs"}


def test_the_root_of_this_host_is_mounted():
    assert find_source("/")
    assert find_source("/proc/self") is None


def test_a_link_to_a_device_is_that_device(tmp_path):
    (tmp_path / "disk").touch()
    (tmp_path / "by-label").symlink_to(tmp_path / "disk")
    assert is_same_source(str(tmp_path / "disk"), str(tmp_path / "by-label"))
    assert not is_same_source("tmpfs", str(tmp_path / "disk"))
    assert is_same_source("server:/export", "server:/export")
