"""Mount a portable disk where the settings say that it belongs."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import StorageError


@click.command(epilog="Example: lpse-ops backup disk mount disk-b")
@click.argument("name")
@click.option(
    "--at", "point", type=click.Path(path_type=Path), metavar="DIR", help="Mount it at this folder."
)
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App, /, name: str, point: Path | None, output_format: str, output: Path | None
) -> None:
    """Mount the disk NAME, which is plugged in, by its UUID."""
    from lpse_ops.backup.disk import DiskAway, DiskStatus, suggest_mount_point
    from lpse_ops.backup.diskactions import mount_device
    from lpse_ops.cli.disk_access import disk_state, find_destination

    destination = find_destination(app, name)
    state = disk_state(destination)
    if state.status is DiskStatus.NOT_MOUNTED and state.seen.device:
        place = point or suggest_mount_point(state.disk.location, state.seen.nearest)
        mount_device(state.seen.device, place)
        state = disk_state(destination)
    if state.is_away:
        raise DiskAway(state)
    if not state.is_usable:
        raise StorageError(state.message, hint=state.hint)
    mounted_at = state.mount.point if state.mount else None
    emit(
        "backup/disk-mount",
        {"destination": name, "status": state.status, "mounted_at": mounted_at},
        text=lambda: f"{name} is mounted at {mounted_at}",
        output_format=output_format,
        output=output,
    )
