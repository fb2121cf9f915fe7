"""What is recorded of portable disks, and that it is signed."""

import io
from pathlib import Path

from lpse_ops.cli.disk_access import note_plugged
from lpse_ops.cli.settings import Destination, Disk
from lpse_ops.cli.wiring import App

DISK = Destination("disk-a", "/mnt/disk-a/repo", disk=Disk("0000-0000", label="Disk A"))


def app_of(state: Path) -> App:
    settings = state.parent / "lpse-ops.yml"
    settings.write_text("site: {name: A, slug: lpse-a, time_zone: WITA}\n")
    return App(
        settings_file=settings,
        environment={"LPSE_OPS_STATE": str(state)},
        stderr=io.StringIO(),
    )


def test_a_disk_that_is_back_is_recorded_once_and_signed(tmp_path: Path) -> None:
    app = app_of(tmp_path / "state")
    for _ in range(2):
        note_plugged(app, DISK)
    [found] = app.ledger.records("disk")
    assert (found.facts["event"], found.facts["label"]) == ("plugged", "Disk A")
    newest = app.ledger.checkpoints.newest()
    assert newest is not None
    assert newest.size == 1


def test_a_key_that_cannot_be_used_loses_no_record(tmp_path: Path) -> None:
    """Nor does it fail the run that has just written to the disk."""
    app = app_of(tmp_path / "state")
    (app.ledger.folder / "checkpoints").parent.mkdir(parents=True)
    (app.ledger.folder / "checkpoints").write_text("no folder")
    note_plugged(app, DISK)
    assert len(list(app.ledger.records("disk"))) == 1
    assert "recorded in the log, but not signed" in app.stderr.getvalue()  # type: ignore[attr-defined]
