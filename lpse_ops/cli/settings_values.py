"""What single values of ``lpse-ops.yml`` may be, beyond their type.

``settings.schema.json`` names the checks as formats.  Each gets the text of a value and raises
SettingsError with the rest of the sentence that begins with the key: "must be ...".  No message
repeats a URL, a location or a key: they may hold a secret.
"""

import base64
import binascii
import difflib
import ipaddress
import os.path
import re
from collections.abc import Callable
from datetime import time, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from lpse_ops.backup.diskkeeping import ARTICLE, is_server_room
from lpse_ops.backup.retention import parse_calendar_duration
from lpse_ops.backup.storage.transferlimit import TransferLimit
from lpse_ops.cli.settings_papers import check_date, check_nip, check_number_pattern
from lpse_ops.cli.settings_workdays import check_office_hours
from lpse_ops.cli.sizes import parse_size
from lpse_ops.clock import ZONE_ALIASES, parse_zone, zone_names
from lpse_ops.duration import parse_duration
from lpse_ops.errors import SettingsError

# Dumps and the manifest stand there in every snapshot.
RESERVED_FOLDER = "/lpse-ops"

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DUMP_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DISK_UUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_REPOSITORY_ID = re.compile(r"[0-9a-f]{64}")
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_LIMIT = re.compile(r"(?:(\d\d:\d\d)-(\d\d:\d\d) )?(\S+)/s")
_SECRET_IN_AUTHORITY = re.compile(r"://[^/]*:[^/]+@|^sftp:(?!//)[^/@]*:[^/@]*@")
_SECRET_IN_DATABASE_URL = re.compile(r"://[^/?]*:.+@")
_PUBLIC_KEY = re.compile(r"((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+) ([A-Za-z0-9+/]+=*)(?: .*)?")
EXAMPLE_HINT = "`lpse-ops init DIR` lays out a settings file with every key explained"


def parse_limit(text: str) -> TransferLimit:
    match = _LIMIT.fullmatch(text)
    if not match:
        raise SettingsError(
            f"must be a rate, not {text!r}", hint="write 2MiB/s, or 08:00-17:00 1MiB/s"
        )
    try:
        rate = parse_size(match[3])
        begin, end = (time.fromisoformat(part) if part else None for part in match.groups()[:2])
    except ValueError as error:
        raise SettingsError(
            f"must be a rate: {error}", hint="write 2MiB/s, or 08:00-17:00 1MiB/s"
        ) from error
    if rate < 1 or (begin is not None and begin == end):
        raise SettingsError("lets nothing through", hint="leave the limit out, or raise it")
    return TransferLimit(rate, begin, end)


def find_database_name(url: str) -> str | None:
    """Return the name of the dump of the database at ``url``, or None when it needs a name."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    name = query.get("dbname") or unquote(parts.path.removeprefix("/"))
    return name if _DUMP_NAME.fullmatch(name) else None


def check_slug(text: str) -> None:
    if not _SLUG.fullmatch(text):
        raise SettingsError(
            f"must be lower-case letters, digits and dashes, not {text!r}",
            hint="choose a short name such as lpse-contoh or disk-a",
        )


def check_time_zone(text: str) -> None:
    try:
        parse_zone(text)
    except ValueError as error:
        near = difflib.get_close_matches(text, zone_names(), n=1)
        raise SettingsError(
            f"must be a time zone, not {text!r}",
            hint=f"did you mean {near[0]!r}?"
            if near
            else f"write one of {', '.join(ZONE_ALIASES)}",
        ) from error


def check_path(text: str) -> None:
    if not text or "\0" in text:
        raise SettingsError("must be a path", hint=EXAMPLE_HINT)
    if text.startswith("~"):
        raise SettingsError(
            f"must be a whole path, not {text!r}", hint="write the home folder out, without ~"
        )


def check_source_path(text: str) -> None:
    check_path(text)
    inside = os.path.normpath(text) + "/"
    if inside.startswith(f"{RESERVED_FOLDER}/"):
        raise SettingsError(
            f"must not be inside {RESERVED_FOLDER}, where snapshots keep dumps and manifest",
            hint="back that folder up under another name",
        )


def check_size(text: str) -> None:
    try:
        parse_size(text)
    except ValueError as error:
        raise SettingsError(f"must be a size: {error}", hint="write 2GiB") from error


def check_keep_duration(text: str) -> None:
    try:
        parse_calendar_duration(text)
    except ValueError as error:
        raise SettingsError(
            f"must be a duration: {error}", hint="write 1y6m for a year and six months"
        ) from error


def check_limit(text: str) -> None:
    parse_limit(text)


def check_duration(text: str) -> None:
    try:
        too_short = parse_duration(text) < timedelta(minutes=1)
    except ValueError as error:
        raise SettingsError(f"must be a duration: {error}", hint="write 30h or 90d") from error
    if too_short:
        raise SettingsError("must be a minute or more", hint="write 30h or 90d")


def parse_time_of_day(text: str) -> time:
    if not _TIME_OF_DAY.fullmatch(text):
        raise SettingsError(f"must be a time of day, not {text!r}", hint="write '01:30', in quotes")
    return time.fromisoformat(text)


def check_time_of_day(text: str) -> None:
    parse_time_of_day(text)


def check_dump_name(text: str) -> None:
    if not _DUMP_NAME.fullmatch(text):
        raise SettingsError(
            f"must be letters, digits, dots, dashes and underscores, not {text!r}",
            hint="it becomes the name of a file, e.g. epns_prod",
        )


def check_database_url(text: str) -> None:
    if not text.startswith(("postgresql://", "postgres://")) or re.search(r"\s", text):
        raise SettingsError(
            "must be a URL that begins with postgresql://",
            hint="write postgresql:///epns_prod for a database on this machine",
        )
    try:
        secrets = {"password", "sslpassword"} & {key for key, _ in parse_qsl(urlsplit(text).query)}
    except ValueError as error:
        raise SettingsError("must be a URL", hint="check its brackets") from error
    if secrets or _SECRET_IN_DATABASE_URL.search(text):
        raise SettingsError(
            "must not hold a password",
            hint="take it out and use .pgpass, a service file or password_file",
        )


def check_location(text: str) -> None:
    check_path(text)
    if _SECRET_IN_AUTHORITY.search(text):
        raise SettingsError(
            "must not hold a password",
            hint="take it out: use an SSH key for SFTP, the AWS_* variables or a profile for S3",
        )


def check_repository_id(text: str) -> None:
    if not _REPOSITORY_ID.fullmatch(text):
        raise SettingsError(
            "must be 64 hexadecimal digits",
            hint="take it from `lpse-ops backup init`, which writes it here itself",
        )


def check_disk_uuid(text: str) -> None:
    # Those of ext4 are long, FAT's have eight digits and a dash, NTFS's sixteen digits.
    if not _DISK_UUID.fullmatch(text):
        raise SettingsError(
            "must be the UUID of a file system", hint="take it from blkid, or lsblk -o NAME,UUID"
        )


def check_kept_at(text: str) -> None:
    if not text.strip() or is_server_room(text):
        raise SettingsError(
            f"must be a safe place away from the server room ({ARTICLE}), not {text!r}",
            hint="write where the disk lies when it is not plugged in, e.g. Brankas Setda",
        )


def check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(
            f"must be a network: {error}", hint="write an address and a length, 203.0.113.0/28"
        ) from error


def check_public_key(text: str) -> None:
    match = _PUBLIC_KEY.fullmatch(text)
    kind = match[1].encode() if match else b""
    try:
        blob = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        blob = b""
    # The encoded key names its own type first: a cut or mixed-up line shows here.
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind) or len(blob) < len(kind) + 8:
        raise SettingsError(
            "must be an OpenSSH public key", hint="copy the one line of the person's id_*.pub file"
        )


CHECKS: dict[str, Callable[[str], None]] = {
    "date": check_date,
    "database-url": check_database_url,
    "disk-uuid": check_disk_uuid,
    "dump-name": check_dump_name,
    "duration": check_duration,
    "keep-duration": check_keep_duration,
    "kept-at": check_kept_at,
    "limit": check_limit,
    "location": check_location,
    "network": check_network,
    "nip": check_nip,
    "number-pattern": check_number_pattern,
    "office-hours": check_office_hours,
    "path": check_path,
    "public-key": check_public_key,
    "repository-id": check_repository_id,
    "size": check_size,
    "slug": check_slug,
    "source-path": check_source_path,
    "time-of-day": check_time_of_day,
    "time-zone": check_time_zone,
}
