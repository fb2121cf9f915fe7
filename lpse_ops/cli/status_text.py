"""The verdict on the backups in English, for the terminal and for Nagios."""

from datetime import datetime

from lpse_ops.backup.statusverdict import BackupStatus, DestinationStatus, Kind, Trouble
from lpse_ops.cli.ages import format_age
from lpse_ops.cli.output import printable, render_table

_LONGEST_FIRST_LINE = 80
_LISTED_DAYS = 5
_HEADER = ("Destination", "Media", "Where", "Newest snapshot", "Age", "Verified", "State")


def render_status(status: BackupStatus) -> str:
    """What ``lpse-ops backup status`` shows."""
    rows = [_row(each, status.now) for each in status.destinations]
    lines = [render_table(_HEADER, rows).rstrip("\n")]
    copies = status.copies
    kinds = f" ({', '.join(copies.media)})" if copies.media else ""
    lines.append(
        f"copies     {copies.count}, kinds of media: {len(copies.media)}{kinds}, "
        f"away from the server room: {copies.off_site}; the server's own data comes on top"
    )
    if status.last_run is not None:
        run = status.last_run
        lines.append(f"last run   {run.status}, {_moment(run.finished, status.now)}")
    if status.missed_days:
        days = [day.isoformat() for day in status.missed_days[-_LISTED_DAYS:]]
        more = len(status.missed_days) - len(days)
        lines.append(f"missed     {', '.join(days)}" + (f" and {more} before" if more else ""))
    lines += [f"{each.severity.name:10} {describe(each, status.now)}" for each in status.troubles]
    if not status.troubles:
        lines.append("OK         nothing is wrong")
    return "\n".join(map(printable, "\n".join(lines).split("\n")))


def _row(each: DestinationStatus, now: datetime) -> tuple[str, ...]:
    newest, proof = each.newest, each.proof
    return (
        each.name,
        each.media,
        _where(each),
        _moment(newest.time, now) if newest else "none",
        format_age(now - newest.time) if newest else "",
        f"{proof.kind} {_moment(proof.time, now)}" if proof else "never",
        _state(each, now),
    )


def _where(each: DestinationStatus) -> str:
    if each.is_off_site:
        return each.kept_at or "elsewhere"
    is_lost = each.media == "disk" and each.reachable is not True
    return "unknown" if is_lost else "server room"


def _state(each: DestinationStatus, now: datetime) -> str:
    if each.away_since is not None:
        return f"away since {_moment(each.away_since, now)}"
    if each.trouble is not None:
        return "not plugged in" if each.media == "disk" else "not reachable"
    if each.last_error is not None:
        return f"last error: {each.last_error}"
    return "" if each.reachable is None else "reachable"


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M}"


def describe(trouble: Trouble, now: datetime) -> str:
    """One line, with the command to type."""
    return _DESCRIPTIONS[trouble.kind].format(
        name=trouble.destination,
        at=_moment(trouble.since, now) if trouble.since else "never",
        age=format_age(now - trouble.since) if trouble.since else "",
        detail=trouble.detail or "no reason is known",
    )


_DESCRIPTIONS = {
    Kind.LEDGER: "the log cannot be read: {detail}; lpse-ops log verify",
    Kind.NEVER: "there is no snapshot anywhere yet: lpse-ops backup",
    Kind.FAILED: "the run of {at} failed: {detail}",
    Kind.PARTIAL: "the run of {at} could not read some files: {detail}",
    Kind.MISSED: "no backup was taken on {detail}: lpse-ops backup schedule show",
    Kind.STALE: "{name}: newest snapshot {age} old, of {at}: lpse-ops backup",
    Kind.EMPTY: "{name}: holds no snapshot yet: lpse-ops backup sync {name}",
    Kind.UNREACHABLE: "{name}: not reachable: {detail}",
    Kind.NOT_WRITTEN: "{name}: was not written: {detail}; lpse-ops backup sync {name}",
    Kind.GONE: "{name}: snapshot {detail:.8} is gone: lpse-ops backup snapshots",
    Kind.FUTURE: "{name}: snapshot {detail:.8} is of {at}, in the future: timedatectl",
    Kind.ROTATE: "{name}: not plugged in for {age}: lpse-ops backup disk list",
    Kind.DAMAGED: "{name}: the check of {at} failed: lpse-ops backup check",
    Kind.DRILL_FAILED: "{name}: the restore drill of {at} failed: {detail}",
    Kind.DRILL_OLD: "restore drill overdue, last one: {at}: lpse-ops backup drill",
    Kind.KEY_DRILL_DUE: "recovery sheet untried, last time: {at}: lpse-ops backup key drill",
    Kind.UNVERIFIED: "{name}: verified last: {at}: lpse-ops backup check --destination {name}",
    Kind.FULL_SOON: "{name}: full in about {detail} days: lpse-ops backup forget --prune, or a "
    "larger disk",
    Kind.PRUNE_FAILED: "{name}: old snapshots were not removed on {at}: {detail}; lpse-ops backup "
    "check --destination {name}, or prune: false in lpse-ops.yml",
    Kind.ONE_COPY: "there is one copy only; a second one: lpse-ops backup disk init",
    Kind.NOT_AWAY: "no copy is away from the server room: lpse-ops backup disk init, or kept_at of "
    "a destination in lpse-ops.yml",
    Kind.DISK_HERE: "no copy is away from the server room: lpse-ops backup disk eject {detail} "
    "--to PLACE --by NAME",
    Kind.DISK_SOMEWHERE: "no copy is known to be away from the server room: where is {detail}? "
    "lpse-ops backup disk eject {detail} --to PLACE --by NAME",
}


# -- Nagios ---------------------------------------------------------------------------------------


def render_nagios(status: BackupStatus) -> str:
    """One line of at most 80 characters, its performance data, then a line for each trouble."""
    details = [_without_bars(describe(each, status.now)) for each in status.troubles]
    first = details[0] if details else _all_is_well(status)
    line = first_line(status.severity.name, first, more=len(details) - 1)
    data = " ".join(_performance(status))
    return "\n".join([f"{line} | {data}", *details])


def first_line(word: str, text: str, *, more: int = 0) -> str:
    """``BACKUP CRITICAL - text (+2)``, cut to 80 characters."""
    tail = f" (+{more})" if more > 0 else ""
    head = f"BACKUP {word} - {_without_bars(text)}"
    room = _LONGEST_FIRST_LINE - len(tail)
    return (head if len(head) <= room else head[: room - 3] + "...") + tail


def _all_is_well(status: BackupStatus) -> str:
    age = format_age(status.now - status.newest.time) if status.newest else "no"
    noun = "copy" if status.copies.count == 1 else "copies"
    return f"newest snapshot {age} old, {status.copies.count} {noun}"


def _performance(status: BackupStatus) -> list[str]:
    alert_after_seconds = int(status.alert_after.total_seconds())
    limit = f";{alert_after_seconds};{alert_after_seconds};0"
    newest = status.newest
    data = [f"age={_seconds(newest.time, status.now) if newest else 'U'}{limit}"]
    data += [
        f"'age_{each.name}'={_seconds(each.newest.time, status.now) if each.newest else 'U'}{limit}"
        for each in status.destinations
    ]
    return [
        *data,
        f"copies={status.copies.count};;;0",
        f"missed={len(status.missed_days)};;;0",
        f"troubles={len(status.troubles)};;;0",
    ]


def _seconds(moment: datetime, now: datetime) -> str:
    return f"{max(int((now - moment).total_seconds()), 0)}s"


def _without_bars(text: str) -> str:
    """A bar would begin the performance data."""
    return printable(text.replace("\n", " ").replace("|", "/"))
