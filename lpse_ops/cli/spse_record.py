"""Puts a run of an installation, upgrade or rollback on record once, however often it is told."""

import dataclasses
from pathlib import Path

from lpse_ops.cli.change_register import find_waiting, read_register, record_run
from lpse_ops.cli.state_lock import wait_for_turn
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, UsageError
from lpse_ops.masking import Masker
from lpse_ops.spse.change import Change, Package, Run
from lpse_ops.spse.changetext import Mask, no_mask
from lpse_ops.spse.release import Release, load_release, release_folder

# Not that of the register itself, which record_run waits for.
_LOCK = "change-record.lock"


def record_once(
    app: App, run: Run, *, change_id: str | None = None, mask: Mask = no_mask
) -> tuple[str, bool]:
    """Record a run; its change's id, and false when just this was on record already.

    Without ``change_id`` it belongs to the change under which an earlier part of the same run is
    on record, else to the only request that waits for one of its kind, else to one of its own.
    """
    with wait_for_turn(app.state_folder, _LOCK):
        register = read_register(app)
        for change in register.values():
            if any(each.identity == run.identity for each in change.runs):
                return change.id, False
        chosen = _choose(app, register, run, change_id)
        if not run.reason:
            run = dataclasses.replace(run, reason=_reason(register, chosen, run))
        return record_run(app, run, change_id=chosen, mask=mask), True


def _choose(app: App, register: dict[str, Change], run: Run, change_id: str | None) -> str | None:
    if change_id is not None:
        if change_id in register:
            return change_id
        app.console.warn(
            f"change {change_id} is not on record on this machine: the run gets an id of its own"
        )
        return None
    for change in register.values():
        if any((each.stamp, each.server) == (run.stamp, run.server) for each in change.runs):
            return change.id
    try:
        return find_waiting(app, run.kind)
    except UsageError as error:
        app.console.warn(f"{error.message}: the run gets an id of its own")
        return None


def _reason(register: dict[str, Change], chosen: str | None, run: Run) -> str:
    request = register[chosen].request if chosen else None
    return request.reason if request else run.problem


def load_package(releases: Path, version: str) -> Package | None:
    """What a release was made of, by its manifest; None where there is none any more."""
    try:
        release = load_release(releases, version)
    except OpsError:
        return None
    name = release.package_name or "dipasang secara manual"
    return Package(name, version, release.package_sha256)


def mask_settings_of(folders: list[Path]) -> Mask:
    """A mask of all secrets in the settings of these releases, as far as they can be read."""
    found: set[str] = set()
    for folder in folders:
        found |= _find_secrets(folder)
    secrets = frozenset(found)
    return Masker(lambda: secrets)


def _find_secrets(folder: Path) -> frozenset[str]:
    from lpse_ops.spse.configurationfile import MAX_BYTES, parse_file
    from lpse_ops.spse.configurationsecrets import find_secrets
    from lpse_ops.spse.trustedfile import read_beneath

    try:
        release: Release = load_release(folder.parent, folder.name)
        path = release.layout.configuration
        root = release_folder(folder.parent, folder.name)
        return find_secrets(parse_file(root / path, read_beneath(root, path, MAX_BYTES)).values)
    except OpsError:
        # It is gone; the step runner has masked what it wrote down.
        return frozenset()
