"""From the settings to what is scheduled, and where its files go."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from lpse_ops.cli.schedule_units import FIRST_DAYS, PREFIX, Every, Plan
from lpse_ops.cli.settings import Destination, Settings
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

UNIT_FOLDER = Path("/etc/systemd/system")
CRON_FOLDER = Path("/etc/cron.d")
# What an option says; "none" takes a timer away.
Wish = Literal["weekly", "monthly", "none"]
# Every unit that any plan may have written.
UNIT_NAMES = [
    f"{PREFIX}{name}"
    for name in (
        "backup.service",
        "backup.timer",
        "status.service",
        "status.timer",
        "failed@.service",
        "check.service",
        "check.timer",
        "drill.service",
        "drill.timer",
    )
]
TIMER_NAMES = [name for name in UNIT_NAMES if name.endswith(".timer")]
# A mount point of its own, where the disk's record lies beside the repository.
_NOT_FOR_ONE = (Path("/"), Path("/mnt"), Path("/media"), Path("/srv"), Path("/home"))


def has_systemd() -> bool:
    """Whether systemd is what runs this machine, as sd_booted(3) finds out."""
    return Path("/run/systemd/system").is_dir()


def find_program(python: str = sys.executable) -> tuple[str, ...]:
    """The words that start this very installation of lpse-ops."""
    beside = Path(python).parent / "lpse-ops"
    if beside.is_file():
        return (str(beside),)
    return (python, "-P", "-c", "from lpse_ops.cli.main import main; main()")


def make_plan(app: App, *, check: Every | None = None, drill: Every | None = None) -> Plan:
    """What the settings ask for; UsageError when nothing could ever be backed up."""
    settings = app.settings
    if not settings.backup.destinations or settings.backup.password_file is None:
        raise UsageError(
            f"{settings.file} needs a destination and a password_file for a timer",
            hint="fill in backup.destinations and backup.password_file, then try: lpse-ops backup",
        )
    written = written_folders(settings)
    return Plan(
        program=find_program(),
        settings=settings.file,
        state=app.state_folder.absolute(),
        zone=settings.site.time_zone.key,
        at=settings.backup.schedule.at,
        written=written,
        touched=(settings.file, app.state_folder.absolute(), *settings.backup.paths, *written),
        has_disks=any(each.disk for each in settings.backup.destinations),
        check=check,
        drill=drill,
    )


def choose_every(
    wish: Wish | None, job: str, units: Mapping[str, str | None], table: str | None
) -> Every | None:
    """What the option says; without one, what the installed timer or the table of cron has."""
    if wish is not None:
        return None if wish == "none" else wish
    if (timer := units.get(f"{PREFIX}{job}.timer")) is not None:
        return "monthly" if FIRST_DAYS in timer else "weekly"
    for line in (table or "").splitlines():
        if f" schedule run {job} " in line:
            return "monthly" if line.split()[4] == "*" else "weekly"
    return None


def written_folders(settings: Settings) -> tuple[Path, ...]:
    """Where a run writes besides the state folder."""
    found = [path for each in settings.backup.destinations for path in _folders(each)]
    if settings.notify.metrics_file is not None:
        found.append(settings.notify.metrics_file.parent)
    return tuple(dict.fromkeys(found))


def _folders(destination: Destination) -> list[Path]:
    location = Path(destination.location)
    if not location.is_absolute():
        return []
    beside = destination.disk is not None and location.parent not in _NOT_FOR_ONE
    return [location, location.parent] if beside else [location]
