"""Make a disk one of the portable disks that backups are carried away on."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.backup.diskkeeping import ensure_kept_outside
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.backup.diskdevices import DiskFacts
    from lpse_ops.backup.diskformat import FileSystem
    from lpse_ops.backup.diskinit import MountedDisk
    from lpse_ops.backup.diskrecord import DiskRecord
    from lpse_ops.cli.settings import Destination

_FAILED = 1


@click.command(
    epilog="Example: lpse-ops backup disk init /mnt/disk-b --name disk-b --label 'Disk B (merah)' "
    "--kept-at 'Brankas Setda'"
)
@click.argument("place", metavar="MOUNTPOINT|DEVICE")
@click.option("--name", required=True, help="Name of the destination: disk-b.")
@click.option("--label", metavar="TEXT", help="What is written on the disk itself.")
@click.option("--kept-at", metavar="PLACE", help="Where it is kept; not the server room.")
@click.option("--folder", default="repo", show_default=True, help="Folder of the repository on it.")
@click.option(
    "--mount-at", type=click.Path(path_type=Path), metavar="DIR", help="Instead of /mnt/NAME."
)
@click.option(
    "--format-as",
    "file_system",
    type=click.Choice(["ext4", "exfat"]),
    help="Make a new file system on DEVICE: everything on it is lost.",
)
@click.option("--erase", metavar="SERIAL|UUID", help="Which disk's content may be lost.")
@click.option("--yes", is_flag=True, help="Do not ask before formatting.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    place: str,
    name: str,
    label: str | None,
    kept_at: str | None,
    folder: str,
    mount_at: Path | None,
    file_system: "FileSystem | None",
    erase: str | None,
    yes: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """Make the disk at MOUNTPOINT, or on DEVICE, a destination of backups.

    Nothing on it is touched but the folder of the repository, unless --format-as is given.
    """
    from lpse_ops.backup.diskdevices import SystemDisks
    from lpse_ops.backup.diskinit import find_mounted, write_record
    from lpse_ops.backup.diskregister import INIT, KIND
    from lpse_ops.cli.disk_access import ensure_can_record, event_facts
    from lpse_ops.cli.records import record

    _check_names(app, name, folder, kept_at)
    ensure_can_record(app.ledger)
    facts = SystemDisks()
    if file_system is not None:
        _format(app, facts, place, file_system, name, erase, yes=yes)
    destinations = app.settings.backup.destinations
    with _mounted(facts, place, mount_at or Path("/mnt") / name) as point:
        disk = find_mounted(point, facts)
        destination = plan_destination(destinations, name, disk, folder, label, kept_at)
        write_record(disk, Path(destination.location), _record(app, destination, disk))
    is_recorded = record(app, KIND, event_facts(destination, INIT, kept_at=kept_at))
    pasted = _write_settings(app, destination)
    step = next_step(destinations, destination)
    _emit(destination, pasted, step, output_format, output)
    app.console.print(f"{name} is a disk of ours now; next: {step}")
    return 0 if is_recorded else _FAILED


def _check_names(app: App, name: str, folder: str, kept_at: str | None) -> None:
    from lpse_ops.cli.settings_values import check_slug

    check_slug(name)
    if not folder or folder in (".", "..") or "/" in folder or "\0" in folder:
        raise UsageError(f"--folder {folder!r} is no name of a folder", hint="--folder repo")
    if kept_at is not None:
        ensure_kept_outside(kept_at, app.settings.site.server_room)


def _format(
    app: App,
    facts: "DiskFacts",
    place: str,
    kind: "FileSystem",
    name: str,
    erase: str | None,
    *,
    yes: bool,
) -> None:
    from lpse_ops.backup.diskformat import (
        BlockDevice,
        ensure_unused,
        make_file_system,
        read_device,
        refuse_format,
    )
    from lpse_ops.cli.sizes import format_size

    def look() -> BlockDevice:
        found = read_device(place)
        refuse_format(found, facts.mounts(), erase)
        _refuse_known(app.settings.backup.destinations, name, found.content.uuid)
        ensure_unused(found.path)
        return found

    device = look()
    if not yes:
        size, serial = format_size(device.size_bytes), device.serial or "no serial number"
        app.console.print(f"{device.path}: {size}, {serial}; everything on it will be lost")
        typed = click.prompt(f"to format it, type {device.path}", err=True)
        if typed != device.path:
            raise UsageError("nothing was formatted", hint=f"type {device.path}, or give --yes")
        # A person takes time: by now the name may be another disk's.
        if look() != device:
            raise UsageError(
                f"{device.path} was changed meanwhile: nothing was formatted",
                hint="see lsblk, and run the command again",
            )
    make_file_system(device.path, kind, name)


def _refuse_known(destinations: "Sequence[Destination]", name: str, uuid: str) -> None:
    """A disk of the settings would be another one afterwards, and its backups gone."""
    from lpse_ops.backup.diskdevices import is_same_uuid

    for each in destinations:
        if each.disk and (each.name == name or is_same_uuid(each.disk.uuid, uuid)):
            raise UsageError(
                f"destination {each.name} is a disk of ours, with UUID {each.disk.uuid}: "
                "it is not formatted",
                hint="leave --format-as out; if its backups may be lost, take `disk` of "
                f"{each.name} out of lpse-ops.yml first",
            )


@contextlib.contextmanager
def _mounted(facts: "DiskFacts", place: str, wanted: Path) -> Iterator[Path]:
    """The mount point: the one that was named, or where the device is or gets mounted.

    What was mounted for the block is unmounted again when the block fails.
    """
    from lpse_ops.backup.diskactions import device_mounted

    if os.path.isdir(place):
        yield Path(place)
        return
    device = os.path.realpath(place)
    if not Path(device).is_block_device():
        raise UsageError(
            f"{place} is neither a mount point nor a block device",
            hint="plug the disk in, and see its name with lsblk -f",
        )
    points = (each.point for each in facts.mounts() if facts.device_of(each) == device)
    found = next(points, None)
    if found is not None:
        yield found
        return
    with device_mounted(device, wanted):
        yield wanted


def plan_destination(
    destinations: "Sequence[Destination]",
    name: str,
    disk: "MountedDisk",
    folder: str,
    label: str | None,
    kept_at: str | None,
) -> "Destination":
    """The destination that the disk becomes; ``UsageError`` if it is, or would be, another one."""
    from dataclasses import replace

    from lpse_ops.backup.diskdevices import is_same_uuid
    from lpse_ops.cli.settings import Destination, Disk

    for each in destinations:
        if each.disk and is_same_uuid(each.disk.uuid, disk.uuid) and each.name != name:
            raise UsageError(
                f"this disk is destination {each.name} already", hint=f"--name {each.name}"
            )
    pinned = next((each.repository_id for each in destinations if each.repository_id), None)
    known = next((each for each in destinations if each.name == name), None)
    if known is None:
        location = str(disk.mount.point / folder)
        return Destination(name, location, pinned, Disk(disk.uuid, kept_at, label))
    if known.disk and not is_same_uuid(known.disk.uuid, disk.uuid):
        raise UsageError(
            f"destination {name} is another disk, with UUID {known.disk.uuid}; this one has "
            f"{disk.uuid}",
            hint="give this one a name of its own, or take `disk` out of lpse-ops.yml",
        )
    if not Path(known.location).is_relative_to(disk.mount.point):
        raise UsageError(
            f"destination {name} is at {known.location}, which is not on the disk at "
            f"{disk.mount.point}",
            hint=f"mount the disk where {known.location} is, or choose another --name",
        )
    old = known.disk or Disk(disk.uuid)
    return replace(
        known,
        repository_id=known.repository_id or pinned,
        disk=Disk(old.uuid, kept_at or old.kept_at, label or old.label),
    )


def next_step(destinations: "Sequence[Destination]", new: "Destination") -> str:
    """What to type when the disk is ready."""
    if new.repository_id is None or (destinations and destinations[0].name == new.name):
        if new.repository_id is None:
            return "lpse-ops backup init"
        return "lpse-ops backup"
    return f"lpse-ops backup sync {new.name}"


def _record(app: App, destination: "Destination", disk: "MountedDisk") -> "DiskRecord":
    from lpse_ops.backup.diskrecord import DiskRecord

    return DiskRecord(
        name=destination.name,
        uuid=disk.uuid,
        made=app.clock.now(),
        label=destination.disk.label if destination.disk else None,
        repository_id=destination.repository_id,
    )


def settings_fields(destination: "Destination") -> dict[str, Any]:
    """The destination in the keys of ``lpse-ops.yml``."""
    disk = destination.disk
    fields: dict[str, Any] = {"name": destination.name, "location": destination.location}
    if destination.repository_id:
        fields["repository_id"] = destination.repository_id
    if disk is not None:
        values = {"uuid": disk.uuid, "label": disk.label, "kept_at": disk.kept_at}
        fields["disk"] = {key: value for key, value in values.items() if value}
    return fields


def _write_settings(app: App, destination: "Destination") -> str | None:
    """The lines to paste if the file could not be edited."""
    from lpse_ops.cli.settings_disks import render_destination, write_disk

    fields = settings_fields(destination)
    if _is_disk_already(app, destination):
        _change_disk(app, destination, fields["disk"])
        return None
    if write_disk(app.settings.file, destination.name, fields):
        return None
    lines = render_destination(fields, "    ")
    app.console.warn(f"write this below backup.destinations in {app.settings.file}, in place of")
    app.console.warn(f"what may be there of {destination.name}:")
    app.console.print(lines)
    return lines


def _is_disk_already(app: App, destination: "Destination") -> bool:
    names = [each.name for each in app.settings.backup.destinations if each.disk is not None]
    return destination.name in names


def _change_disk(app: App, destination: "Destination", wanted: dict[str, str]) -> None:
    """Write another label, or another place where it is kept."""
    from lpse_ops.yamlfile import set_scalar

    names = [each.name for each in app.settings.backup.destinations]
    index = names.index(destination.name)
    old = app.settings.backup.destinations[index].disk
    for key in ("label", "kept_at"):
        if key in wanted and wanted[key] != getattr(old, key):
            where = ("backup", "destinations", index, "disk", key)
            set_scalar(app.settings.file, where, wanted[key])


def _emit(
    destination: "Destination",
    pasted: str | None,
    step: str,
    output_format: str,
    output: Path | None,
) -> None:
    fields = settings_fields(destination)
    emit(
        "backup/disk-init",
        {"destination": fields, "to_paste": pasted, "next": step},
        text=lambda: "\n".join(
            (
                f"disk       {destination.name}",
                f"UUID       {fields['disk']['uuid']}",
                f"location   {destination.location}",
                f"kept at    {fields['disk'].get('kept_at', 'not said: give --kept-at')}",
            )
        ),
        output_format=output_format,
        output=output,
    )
