"""``lpse-ops.yml``: found, checked against ``settings.schema.json``, and turned into values.

All errors of a file are reported at once, each with its line and column.
"""

import os.path
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from lpse_ops.backup.retention import KeepPolicy, parse_calendar_duration, parse_tags
from lpse_ops.backup.storage.s3location import S3Options
from lpse_ops.backup.storage.transferlimit import TransferLimit
from lpse_ops.cli.settings_file import SEARCHED
from lpse_ops.cli.settings_papers import PapersSettings, format_nip, read_papers
from lpse_ops.cli.settings_values import (
    find_database_name,
    parse_limit,
    parse_time_of_day,
)
from lpse_ops.cli.settings_workdays import WorkdaysSettings, read_workdays
from lpse_ops.cli.sizes import parse_size
from lpse_ops.clock import parse_zone
from lpse_ops.duration import parse_duration
from lpse_ops.errors import SettingsError
from lpse_ops.yamlfile import load_yaml, set_scalar

RowCounts = Literal["exact", "estimate", "off"]
PruneEvery = Literal["weekly", "monthly", "never"]


@dataclass(frozen=True)
class SiteSettings:
    name: str
    slug: str
    time_zone: ZoneInfo
    server_room: str | None = None


@dataclass(frozen=True)
class DatabaseSettings:
    """``url`` never holds a password; ``name`` is safe as a file name."""

    url: str
    name: str
    password_file: Path | None = None
    row_counts: RowCounts = "exact"


@dataclass(frozen=True)
class Disk:
    uuid: str
    kept_at: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class SftpSettings:
    """``ssh_options`` as one types them after ``ssh``; all else is in ``~/.ssh/config``."""

    ssh_options: str = ""


@dataclass(frozen=True)
class Destination:
    """``location`` is absolute if it is a folder; ``kept_at`` is where it is.

    ``prune`` is false where the schedule removes nothing, as of a key that may only add.
    """

    name: str
    location: str
    repository_id: str | None = None
    disk: Disk | None = None
    limit: TransferLimit | None = None
    s3: S3Options | None = None
    sftp: SftpSettings | None = None
    kept_at: str | None = None
    prune: bool | None = None

    @property
    def is_kept_whole(self) -> bool:
        """Whether the schedule removes nothing; what Object Lock holds could not go anyhow."""
        if self.prune is None:
            return self.s3 is not None and self.s3.retention is not None
        return not self.prune


@dataclass(frozen=True)
class Schedule:
    """``at`` is a time of day in the site's time zone; ``prune`` how often ``keep`` is applied."""

    at: time = time(1, 30)
    prune: PruneEvery = "weekly"


@dataclass(frozen=True)
class DrillSettings:
    """``database`` is the name of the dump that the queries are for; None is the first.

    ``time_limit`` is for the whole drill.
    """

    documents_query: str | None = None
    newest_query: str | None = None
    sample: int = 50
    database: str | None = None
    time_limit: timedelta = timedelta(hours=12)


@dataclass(frozen=True)
class BackupSettings:
    databases: tuple[DatabaseSettings, ...] = ()
    paths: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_file: Path | None = None
    exclude_caches: bool = False
    exclude_if_present: tuple[str, ...] = ()
    exclude_larger_than: int | None = None
    one_file_system: bool = False
    host: str | None = None
    inventory: Path | None = None
    password_file: Path | None = None
    destinations: tuple[Destination, ...] = ()
    keep: KeepPolicy = field(default_factory=KeepPolicy)
    drill: DrillSettings = DrillSettings()
    schedule: Schedule = Schedule()
    alert_after: timedelta = timedelta(hours=30)
    rotate_after: timedelta = timedelta(days=14)
    drill_after: timedelta = timedelta(days=90)
    key_drill_after: timedelta = timedelta(days=365)


@dataclass(frozen=True)
class LkppSettings:
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True)
class Person:
    name: str
    role: str
    key: str | None = None
    nip: str | None = None


@dataclass(frozen=True)
class NotifySettings:
    """Files: of URLs that hold secrets, and for Prometheus."""

    urls_file: Path | None = None
    heartbeat_file: Path | None = None
    metrics_file: Path | None = None


@dataclass(frozen=True)
class Settings:
    """What ``file`` (an absolute path) says; sections that it lacks are empty."""

    file: Path
    site: SiteSettings
    backup: BackupSettings = BackupSettings()
    lkpp: LkppSettings = LkppSettings()
    people: tuple[Person, ...] = ()
    notify: NotifySettings = NotifySettings()
    papers: PapersSettings = field(default_factory=PapersSettings)
    workdays: WorkdaysSettings = field(default_factory=WorkdaysSettings)


def require_settings(settings: Settings | None) -> Settings:
    """Return the settings, or explain where they were looked for."""
    if settings is None:
        raise SettingsError(
            f"no settings file: neither {' nor '.join(map(str, SEARCHED))} exists",
            hint="name it with --settings FILE, or lay one out with `lpse-ops init DIR`",
        )
    return settings


def load_settings(path: Path) -> Settings:
    """Read, check and resolve a settings file; raises one SettingsError with all its errors."""
    # 4 MiB and 50 ms: not for those who name everything on the command line.
    from lpse_ops.cli.settings_schema import check_settings

    document = load_yaml(path)
    check_settings(document)
    return _Resolver(path.absolute()).settings(document.value)


def write_repository_id(settings: Settings, destination: str, repository_id: str) -> None:
    """Note the identity of a new repository in the settings file; comments stay."""
    names = [configured.name for configured in settings.backup.destinations]
    where = ("backup", "destinations", names.index(destination), "repository_id")
    set_scalar(settings.file, where, repository_id)


@dataclass(frozen=True)
class _Resolver:
    """Turns checked data into values; relative paths start at the folder of ``file``."""

    file: Path
    empty: dict[str, Any] = field(default_factory=dict)

    def settings(self, data: dict[str, Any]) -> Settings:
        site = data["site"]
        return Settings(
            file=self.file,
            site=SiteSettings(
                site["name"], site["slug"], parse_zone(site["time_zone"]), site.get("server_room")
            ),
            backup=self.backup(data.get("backup", self.empty)),
            lkpp=LkppSettings(
                tuple(
                    ip_network(text) for text in data.get("lkpp", self.empty).get("addresses", ())
                )
            ),
            people=tuple(self.person(person) for person in data.get("people", ())),
            papers=read_papers(data.get("papers", self.empty), self.path),
            workdays=read_workdays(data.get("workdays", self.empty)),
            notify=NotifySettings(
                **{key: self.path(file) for key, file in data.get("notify", self.empty).items()}
            ),
        )

    def person(self, data: dict[str, Any]) -> Person:
        nip = {"nip": format_nip(data["nip"])} if "nip" in data else {}
        return Person(**{**data, **nip})

    def backup(self, data: dict[str, Any]) -> BackupSettings:
        read: dict[str, Callable[[Any], Any]] = {
            "databases": lambda items: tuple(self.database(item) for item in items),
            "paths": lambda items: tuple(self.path(item) for item in items),
            "exclude": tuple,
            "exclude_file": self.path,
            "inventory": self.path,
            "exclude_if_present": tuple,
            "exclude_larger_than": parse_size,
            "password_file": self.path,
            "destinations": lambda items: tuple(self.destination(item) for item in items),
            "keep": self.keep,
            "schedule": self.schedule,
            "drill": self.drill,
            "alert_after": parse_duration,
            "rotate_after": parse_duration,
            "drill_after": parse_duration,
            "key_drill_after": parse_duration,
        }
        return BackupSettings(
            **{key: read.get(key, lambda flag: flag)(value) for key, value in data.items()}
        )

    def schedule(self, data: dict[str, Any]) -> Schedule:
        at = {"at": parse_time_of_day(data["at"])} if "at" in data else {}
        return Schedule(**{**data, **at})

    def drill(self, data: dict[str, Any]) -> DrillSettings:
        limit = {"time_limit": parse_duration(data["time_limit"])} if "time_limit" in data else {}
        return DrillSettings(**{**data, **limit})

    def keep(self, data: dict[str, Any]) -> KeepPolicy:
        read: dict[type, Callable[[Any], Any]] = {
            str: parse_calendar_duration,
            list: lambda items: tuple(map(parse_tags, items)),
        }
        return KeepPolicy(**{key: read.get(type(value), int)(value) for key, value in data.items()})

    def database(self, data: dict[str, Any]) -> DatabaseSettings:
        password_file = data.get("password_file")
        return DatabaseSettings(
            url=data["url"],
            name=data.get("name") or find_database_name(data["url"]) or "",
            password_file=self.path(password_file) if password_file else None,
            # YAML reads a bare `off` as false.
            row_counts=data.get("row_counts", "exact") or "off",
        )

    def destination(self, data: dict[str, Any]) -> Destination:
        return Destination(
            name=data["name"],
            location=self.location(data["location"]),
            repository_id=data.get("repository_id"),
            disk=Disk(**{"kept_at": data.get("kept_at"), **data["disk"]})
            if "disk" in data
            else None,
            limit=parse_limit(data["limit"]) if "limit" in data else None,
            s3=self.s3(data["s3"]) if "s3" in data else None,
            sftp=SftpSettings(**data["sftp"]) if "sftp" in data else None,
            kept_at=data.get("kept_at"),
            prune=data.get("prune"),
        )

    def s3(self, data: dict[str, Any]) -> S3Options:
        read: dict[str, Callable[[Any], Any]] = {"retention": parse_duration}
        values: dict[str, Any] = {key: read.get(key, str)(value) for key, value in data.items()}
        return S3Options(**values)

    def location(self, text: str) -> str:
        folder = text.removeprefix("local:")
        has_scheme = re.match(r"[a-z][a-z0-9]+:", folder)
        return text if has_scheme else str(self.path(folder))

    def path(self, text: str) -> Path:
        # Text only: a link in the path must not change what snapshots are called.
        return Path(os.path.normpath(self.file.parent / text))
