import pytest

from lpse_ops.agent.facts.devices import parse_scheduler, read_devices, render_size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 Bytes"), (1024, "1.00 KB"), (10 * 1024**3, "10.00 GB"), (1024**6, "1024.00 PB")],
)
def test_sizes(size, text):
    assert render_size(size) == text


@pytest.mark.parametrize(
    ("text", "mode"), [("none [mq-deadline] bfq", "mq-deadline"), ("none", "")]
)
def test_scheduler(text, mode):
    assert parse_scheduler(text) == mode


def test_a_disk_with_a_partition_and_its_names(tmp_path):
    disk = tmp_path / "block/sda"
    part = disk / "sda1"
    for folder in (part / "holders", disk / "queue", disk / "device", tmp_path / "disk/by-uuid"):
        folder.mkdir(parents=True)
    for path, text in {
        disk / "size": "2048",
        disk / "queue/rotational": "1",
        disk / "queue/logical_block_size": "4096",
        disk / "device/model": "WD \n",
        part / "partition": "1",
        part / "size": "1024",
        part / "start": "63",
    }.items():
        path.write_text(text)
    (tmp_path / "disk/by-uuid/aa-bb").symlink_to(tmp_path / "dev/sda1")
    facts = read_devices(str(tmp_path / "block"), str(tmp_path / "disk"))
    device = facts["devices"]["sda"]
    assert (device["size"], device["sectorsize"], device["model"]) == ("1.00 MB", "4096", "WD")
    found = device["partitions"]["sda1"]
    assert (found["start"], found["sectors"], found["uuid"]) == ("63", 1024, "aa-bb")
    assert facts["device_links"]["uuids"] == {"sda1": ["aa-bb"]}
