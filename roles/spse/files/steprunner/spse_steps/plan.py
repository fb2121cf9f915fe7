"""What an upgrade is to do: the plan file, as values.  The format is in README.md of the role."""

import json
import os
import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from spse_steps.errors import PlanError
from spse_steps.fields import Fields

FORMAT = 1
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,40}")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODE = re.compile(r"0[0-7]{3}")
_URL = re.compile(r"https?://[^\s@]+")
_POINT = re.compile(r"auto|clone|dump")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOUR = 3600
_DAY = 24 * _HOUR
_MEBIBYTE = 1 << 20


class Command(NamedTuple):
    """A program of others; in ``argv`` stand ``{link}``, ``{release}`` and ``{snapshot}``."""

    argv: Tuple[str, ...]
    account: str
    seconds: int
    environment: Tuple[Tuple[str, str], ...]


class Release(NamedTuple):
    """``pid_file`` and ``log`` are paths inside the release: each layout has its own."""

    version: str
    folder: str
    pid_file: str
    log: str


class Application(NamedTuple):
    account: str
    port: int
    start: Command
    stop: Command
    migration: Command
    stop_seconds: int


class Backup(NamedTuple):
    """Without ``run`` there is a reason why no backup was wanted."""

    run: Optional[Command]
    verify: Optional[Command]
    accepted_risk: str


class DatabaseServer(NamedTuple):
    """``account``: whose process psql is; ``programs``: the folder of psql, empty for PATH."""

    name: str
    host: str
    port: int
    user: str
    account: str
    passfile: str
    programs: str
    rollback_point: str
    reserve_bytes: int
    dump_folder: str
    keep: int
    seconds: int


class SiteFile(NamedTuple):
    """A file of the site; ``target`` is a path inside the new release."""

    source: str
    target: str
    sha256: str
    mode: int


class WebPage(NamedTuple):
    """``address``: where to connect instead of the name in the URL, ``HOST`` or ``HOST:PORT``."""

    name: str
    url: str
    address: str
    ca_file: str
    text: str


class Health(NamedTuple):
    """``seconds``: how long to wait for all to be well; memory in bytes, 0 for no limit."""

    seconds: int
    pages: Tuple[WebPage, ...]
    ignored_errors: Tuple[str, ...]
    least_memory_bytes: int
    most_process_bytes: int


class Plan(NamedTuple):
    id: str
    old: Release
    new: Release
    link: str
    flag: str
    notice: str
    application: Application
    backup: Backup
    database: DatabaseServer
    files: Tuple[SiteFile, ...]
    health: Health


def parse_plan(text: str, prefix: str = "", *, is_upgrade: bool = True) -> Plan:
    """Read a plan; PlanError says which value is wrong and how it should be."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(
            f"the plan is not JSON: {error}", hint="python3 -m json.tool PLAN shows the place"
        ) from error
    return plan_of(value, prefix, is_upgrade=is_upgrade)


def plan_of(value: Any, prefix: str = "", *, is_upgrade: bool = True) -> Plan:
    """The plan in a JSON value; raises PlanError.

    Where nothing is to be upgraded, only looked at, both releases may be the same.
    """
    fields = Fields(value, "plan", prefix)
    fields.number("format", FORMAT, FORMAT)
    plan = Plan(
        fields.text("id", pattern=_ID),
        fields.inner("from", _release),
        fields.inner("to", _release),
        fields.path("link"),
        *fields.inner("maintenance", _maintenance),
        fields.inner("application", _application),
        fields.inner("backup", _backup),
        fields.inner("database", _database),
        fields.inner_list("files", _site_file),
        fields.inner("health", _health),
    )
    fields.finish()
    if is_upgrade and plan.old.folder == plan.new.folder:
        raise fields.wrong("to", "is the release that is in use already")
    return plan


def expand(command: Command, values: Dict[str, str]) -> Command:
    """The command with the values in place of their names in braces, and nothing else changed."""
    argv = tuple(
        re.sub(r"\{(\w+)\}", lambda found: values.get(found.group(1), found.group(0)), word)
        for word in command.argv
    )
    return command._replace(argv=argv)


def _release(fields: Fields) -> Release:
    return Release(
        fields.text("version", pattern=_VERSION),
        fields.path("release"),
        fields.inner_path("pid_file", "server.pid"),
        fields.inner_path("log"),
    )


def _maintenance(fields: Fields) -> Tuple[str, str]:
    return fields.path("flag"), fields.lines("notice")


def _command(fields: Fields, account: str, seconds: int) -> Command:
    argv = fields.texts("argv")
    if not argv or not argv[0]:
        raise fields.wrong("argv", "is empty: it is a list such as ['{link}/spse4', 'start']")
    environment = fields.mapping("environment")
    for name, _value in environment:
        if not _VARIABLE.fullmatch(name):
            raise fields.wrong("environment", f"holds {name!r}, which is no name of a variable")
    return Command(
        argv,
        fields.text("account", account, pattern=_ACCOUNT),
        fields.number("seconds", 1, _DAY, seconds),
        environment,
    )


def _application(fields: Fields) -> Application:
    account = fields.text("account", pattern=_ACCOUNT)
    return Application(
        account,
        fields.number("port", 1, 65535),
        fields.inner("start", lambda inner: _command(inner, account, 120)),
        fields.inner("stop", lambda inner: _command(inner, account, 60)),
        fields.inner("migration", lambda inner: _command(inner, account, 2 * _HOUR)),
        fields.number("stop_seconds", 1, _HOUR, 30),
    )


def _backup(fields: Fields) -> Backup:
    risk = fields.text("accepted_risk", "")
    if not fields.has("run") and not fields.has("verify") and risk.strip():
        return Backup(None, None, risk)
    if not fields.has("run"):
        raise fields.wrong("run", "is missing, and so is accepted_risk with the reason for that")
    return Backup(
        fields.inner("run", lambda inner: _command(inner, "root", 4 * _HOUR)),
        fields.inner("verify", lambda inner: _command(inner, "root", 4 * _HOUR)),
        risk,
    )


def _database(fields: Fields) -> DatabaseServer:
    name = fields.text("name")
    if not name or len(name.encode("utf-8", "replace")) > 63 or name in ("postgres", "template1"):
        raise fields.wrong("name", "is not the name of an application's database")
    return DatabaseServer(
        name,
        fields.text("host", ""),
        fields.number("port", 1, 65535, 5432),
        fields.text("user", "postgres"),
        fields.text("account", "postgres", pattern=_ACCOUNT),
        fields.path("passfile") if fields.has("passfile") else "",
        fields.path("programs") if fields.has("programs") else "",
        fields.text("rollback_point", "auto", pattern=_POINT),
        fields.number("reserve_mib", 0, 1 << 24, 1024) * _MEBIBYTE,
        fields.path("dump_folder", "/var/lib/lpse-ops/upgrade/dumps"),
        fields.number("keep", 1, 100, 2),
        fields.number("seconds", 1, _DAY, 2 * _HOUR),
    )


def _site_file(fields: Fields) -> SiteFile:
    return SiteFile(
        fields.path("source"),
        fields.inner_path("target"),
        fields.text("sha256", pattern=_SHA256),
        int(fields.text("mode", "0640", pattern=_MODE), 8),
    )


def _web_page(fields: Fields) -> WebPage:
    return WebPage(
        fields.text("name"),
        fields.text("url", pattern=_URL),
        fields.text("address", ""),
        fields.path("ca_file") if fields.has("ca_file") else "",
        fields.text("text"),
    )


def _health(fields: Fields) -> Health:
    pages = fields.inner_list("pages", _web_page)
    if not pages:
        raise fields.wrong("pages", "is empty: without a page nothing proves that SPSE answers")
    ignored = fields.texts("ignored_errors", ())
    for pattern in ignored:
        try:
            re.compile(pattern)
        except re.error as error:
            raise fields.wrong("ignored_errors", f"holds {pattern!r}: {error}") from error
    return Health(
        fields.number("seconds", 1, _HOUR, 300),
        pages,
        ignored,
        fields.number("least_memory_mib", 0, 1 << 24, 0) * _MEBIBYTE,
        fields.number("most_process_mib", 0, 1 << 24, 0) * _MEBIBYTE,
    )


def beside_release(release: Release, path: str) -> str:
    """A path inside a release, whole."""
    return os.path.join(release.folder, path)
