"""Disks written into lpse-ops.yml: where a person would, with all comments kept, or not at all."""

from pathlib import Path

import pytest

from lpse_ops.cli.settings import load_settings
from lpse_ops.cli.settings_disks import render_destination, with_disk, write_disk

ID = "4f0c" * 16
NEW = {
    "name": "disk-b",
    "location": "/mnt/disk-b/repo",
    "repository_id": ID,
    "disk": {"uuid": "FFA2-726F", "label": "Disk B: 'merah'", "kept_at": "Brankas Setda"},
}
SITE = "site:\n  name: LPSE Contoh\n  slug: lpse-contoh\n  time_zone: WITA\n"
ITEM = """\
    - name: disk-b
      location: /mnt/disk-b/repo
      repository_id: "4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c"
      disk: {uuid: FFA2-726F, label: "Disk B: 'merah'", kept_at: "Brankas Setda"}
""".replace(f'"{ID}"', render_destination({"a": ID}, "").partition(": ")[2].strip())

ADDED = {
    "after the last of a list": (
        f"{SITE}backup:\n  destinations:\n    - name: a  # first\n      location: /a\n"
        "      limit: 1MiB/s\n  # more\n  paths: [/x]\n",
        f"{SITE}backup:\n  destinations:\n    - name: a  # first\n      location: /a\n"
        f"      limit: 1MiB/s\n{ITEM}  # more\n  paths: [/x]\n",
    ),
    "after one in braces": (
        f"{SITE}backup:\n  destinations:\n    - {{name: a, location: /a}}\n",
        f"{SITE}backup:\n  destinations:\n    - {{name: a, location: /a}}\n{ITEM}",
    ),
    "without a last newline": (
        f"{SITE}backup:\n  destinations:\n    - {{name: a, location: /a}}",
        f"{SITE}backup:\n  destinations:\n    - {{name: a, location: /a}}\n{ITEM}",
    ),
    "the first": (
        f"{SITE}# ours\nbackup:\n  # what\n  paths: [/x]\n",
        f"{SITE}# ours\nbackup:\n  # what\n  destinations:\n{ITEM}  paths: [/x]\n",
    ),
    "no backup section": (f"{SITE}# end\n", f"{SITE}# end\n\nbackup:\n  destinations:\n{ITEM}"),
}


@pytest.mark.parametrize("name", ADDED)
def test_a_destination_is_added(name: str, tmp_path: Path) -> None:
    before, after = ADDED[name]
    assert with_disk(before, "disk-b", NEW) == after
    file = tmp_path / "lpse-ops.yml"
    file.write_text(before)
    file.chmod(0o640)
    assert write_disk(file, "disk-b", NEW)
    added = load_settings(file).backup.destinations[-1]
    assert (added.name, added.repository_id) == ("disk-b", ID)
    assert added.disk is not None
    assert (added.disk.uuid, added.disk.label) == ("FFA2-726F", "Disk B: 'merah'")
    assert file.stat().st_mode & 0o777 == 0o640
    # Once more changes nothing.
    assert write_disk(file, "disk-b", NEW)
    assert file.read_text() == after


DISK = """disk: {uuid: FFA2-726F, label: "Disk B: 'merah'", kept_at: "Brankas Setda"}"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "    - name: disk-b\n      # where\n      location: /mnt/b  # here\n",
            f"    - name: disk-b\n      # where\n      {DISK}\n      location: /mnt/b  # here\n",
        ),
        (
            "    - location: /mnt/b\n      name: disk-b\n",
            f"    - {DISK}\n      location: /mnt/b\n      name: disk-b\n",
        ),
        (
            "    - {name: disk-b, location: /mnt/b}\n",
            f"    - {{name: disk-b, {DISK}, location: /mnt/b}}\n",
        ),
    ],
    ids=["block", "location first", "braces"],
)
def test_a_destination_that_is_there_becomes_a_disk(before: str, after: str) -> None:
    head = f"{SITE}backup:\n  destinations:\n"
    assert with_disk(head + before, "disk-b", NEW) == head + after


@pytest.mark.parametrize(
    "text",
    [
        f"{SITE}backup: {{destinations: [{{name: a, location: /a}}]}}\n",
        f"{SITE}backup:\n  destinations: []\n",
        f"{SITE}backup:\n",
        f"{SITE}backup:\n  destinations:\n  - name: disk-b\n    location: /b\n    disk: {{uuid: a}}"
        "\n",
        f"{SITE}backup:\n  destinations:\n  - name: a\n    location: |-\n      /a\n      b\n",
    ],
    ids=["all in braces", "empty list", "empty section", "has a disk", "text of several lines"],
)
def test_what_only_a_person_could_edit_well_is_left_alone(text: str, tmp_path: Path) -> None:
    file = tmp_path / "lpse-ops.yml"
    file.write_text(text)
    assert not write_disk(file, "disk-b", NEW)
    assert file.read_text() == text
