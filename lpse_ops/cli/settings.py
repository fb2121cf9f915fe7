"""``lpse-ops.yml``: found, checked against ``settings.schema.json``, and turned into values.

All errors of a file are reported at once, each with its line and column.
"""

import os.path
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from lpse_ops.backup.retention import KeepPolicy, parse_calendar_duration, parse_tags
from lpse_ops.cli.settings_values import TransferLimit, find_database_name, parse_limit
from lpse_ops.cli.sizes import parse_size
from lpse_ops.clock import parse_zone
from lpse_ops.errors import SettingsError
from lpse_ops.yamlfile import load_yaml, set_scalar

SEARCHED = (Path("lpse-ops.yml"), Path("/etc/lpse-ops/lpse-ops.yml"))

RowCounts = Literal["exact", "estimate", "off"]


@dataclass(frozen=True)
class SiteSettings:
    name: str
    slug: str
    time_zone: ZoneInfo


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


@dataclass(frozen=True)
class Destination:
    """``location`` is absolute if it is a folder."""

    name: str
    location: str
    repository_id: str | None = None
    disk: Disk | None = None
    limit: TransferLimit | None = None


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
    password_file: Path | None = None
    destinations: tuple[Destination, ...] = ()
    keep: KeepPolicy = field(default_factory=KeepPolicy)


@dataclass(frozen=True)
class LkppSettings:
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True)
class Person:
    name: str
    role: str
    key: str | None = None


@dataclass(frozen=True)
class Settings:
    """What ``file`` (an absolute path) says; sections that it lacks are empty."""

    file: Path
    site: SiteSettings
    backup: BackupSettings = BackupSettings()
    lkpp: LkppSettings = LkppSettings()
    people: tuple[Person, ...] = ()


def find_settings(
    named: Path | None, environment: Mapping[str, str], searched: tuple[Path, ...] = SEARCHED
) -> Path | None:
    """Return the settings file: the one named, $LPSE_OPS_SETTINGS, or the first that exists."""
    variable = environment.get("LPSE_OPS_SETTINGS")
    if named is None and variable:
        named = Path(variable)
    if named is not None:
        return named
    return next((path for path in searched if os.path.lexists(path)), None)


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
            site=SiteSettings(site["name"], site["slug"], parse_zone(site["time_zone"])),
            backup=self.backup(data.get("backup", self.empty)),
            lkpp=LkppSettings(
                tuple(
                    ip_network(text) for text in data.get("lkpp", self.empty).get("addresses", ())
                )
            ),
            people=tuple(Person(**person) for person in data.get("people", ())),
        )

    def backup(self, data: dict[str, Any]) -> BackupSettings:
        read: dict[str, Callable[[Any], Any]] = {
            "databases": lambda items: tuple(self.database(item) for item in items),
            "paths": lambda items: tuple(self.path(item) for item in items),
            "exclude": tuple,
            "exclude_file": self.path,
            "exclude_if_present": tuple,
            "exclude_larger_than": parse_size,
            "password_file": self.path,
            "destinations": lambda items: tuple(self.destination(item) for item in items),
            "keep": self.keep,
        }
        return BackupSettings(
            **{key: read.get(key, lambda flag: flag)(value) for key, value in data.items()}
        )

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
            disk=Disk(**data["disk"]) if "disk" in data else None,
            limit=parse_limit(data["limit"]) if "limit" in data else None,
        )

    def location(self, text: str) -> str:
        folder = text.removeprefix("local:")
        has_scheme = re.match(r"[a-z][a-z0-9]+:", folder)
        return text if has_scheme else str(self.path(folder))

    def path(self, text: str) -> Path:
        # Text only: a link in the path must not change what snapshots are called.
        return Path(os.path.normpath(self.file.parent / text))
