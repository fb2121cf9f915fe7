"""Checks of SPSE itself: Java, release, service, an upgrade that is not over, backups."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from lpse_ops.spse.preflightcheck import (
    Asked,
    Check,
    Level,
    critical,
    ok,
    show_bytes,
    skipped,
    unknown,
    warning,
)
from lpse_ops.spse.preflightfacts import Facts

_OLD_JAVA = re.compile(r"1\.(\d+)")
_JAVA = re.compile(r"(\d+)")
_HOUR = timedelta(hours=1)
# What a date can be moved by, and longer than anything was ever kept.
_LONGEST = 1e9
_RUN_BACKUP = "lpse-ops backup run, then lpse-ops backup check; it tries what the upgrade will need"


def judge_java(facts: Facts, asked: Asked) -> Iterator[Check]:
    """The first that was found counts: the process, then what would be started."""
    side = facts.inner("java")
    found = [each for each in side.parts("found") if each.flag("is_there")]
    missing = [each for each in side.parts("found") if each.flag("is_there") is False]
    if side.trouble:
        yield unknown("java", side.trouble)
    elif not found and not asked.is_upgrade:
        yield skipped("java", "not there yet: the installation makes it")
    elif missing and missing[0].text("from") in ("site.json", "script"):
        value = f"{missing[0].text('path')} ({missing[0].text('from')}) is not there"
        yield critical("java", value, "install that Java, or correct JAVA_HOME")
    elif not found:
        yield critical("java", "none was found", "install one: the role java does")
    else:
        yield _judge_version(found[0], asked)


def _judge_version(java: Facts, asked: Asked) -> Check:
    value = f"{java.text('version')} ({java.text('path')}, by {java.text('from')})"
    version = parse_java(java.text("version"))
    if version is None:
        advice = "run it with -version, and ask LKPP whether the release runs with it"
        return unknown("java", f"{java.text('path')} does not say its version", advice)
    if version < asked.thresholds.oldest_java:
        return critical("java", value, "install the Java that LKPP names for this release")
    return ok("java", value)


def parse_java(text: str) -> int | None:
    """``1.8.0_60`` is 8, ``17.0.9`` is 17."""
    found = _OLD_JAVA.match(text) or _JAVA.match(text)
    return int(found.group(1)) if found else None


def judge_release(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("release")
    state, link = side.text("state"), side.text("link")
    version = side.text("version")
    if not state or state == "unknown":
        yield unknown("release", side.trouble)
    elif state == "release":
        yield ok("release", f"{version}, by {link}")
    elif state == "none" and not asked.is_upgrade:
        yield ok("release", "none yet")
    elif state == "none":
        advice = "install one first: lpse-ops spse install"
        yield critical("release", f"nothing is installed at {link}", advice)
    elif state == "folder":
        say = critical if asked.is_upgrade else warning
        advice = "adopt it, with SPSE stopped: lpse-ops spse release adopt --release VERSION"
        yield say("release", f"{link} was installed by hand", advice)
    else:
        advice = f"ls -ld {link}; lpse-ops spse release list shows what there is"
        what = {
            "dangling": f"leads to {version}, which is not there",
            "elsewhere": "leads elsewhere",
        }
        yield critical("release", f"{link} {what.get(state, 'is no link')}", advice)
    trouble = side.text("site_trouble")
    if trouble and asked.is_upgrade:
        advice = "lpse-ops spse install writes it; sudo, if it is only that you may not read it"
        yield critical("site", f"/etc/lpse-ops/spse/site.json: {trouble}", advice)


def judge_service(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("units")
    known = side.inner("spse")
    load, active = known.text("LoadState"), known.text("ActiveState")
    enabled = known.text("UnitFileState")
    if not load:
        yield unknown("service", side.trouble or "systemd does not tell")
    elif load == "not-found":
        yield _judge_missing_unit(asked)
    elif active == "failed":
        advice = "journalctl -u spse; systemctl reset-failed spse, then systemctl start spse"
        yield warning("service", f"spse.service failed ({known.text('Result')})", advice)
    elif active != "active":
        yield warning("service", f"spse.service is {active}", "systemctl start spse")
    elif enabled != "enabled":
        advice = "systemctl enable spse"
        yield warning("service", "spse.service runs, but not after the next boot", advice)
    else:
        yield ok("service", "spse.service runs, and starts with the machine")
    lines = side.texts("rc_local")
    if lines:
        advice = "take the line out: spse.service starts SPSE, and two starts fight"
        yield warning("boot", f"{', '.join(lines[:3])} starts SPSE as well", advice)


def _judge_missing_unit(asked: Asked) -> Check:
    if asked.is_upgrade:
        advice = "lpse-ops spse install makes it, and leaves the application alone"
        return critical("service", "there is no spse.service", advice)
    return skipped("service", "the installation makes it")


def judge_upgrade(facts: Facts, asked: Asked) -> Iterator[Check]:  # noqa: ARG001
    side = facts.inner("upgrade")
    phase, step = side.text("phase"), side.text("step")
    name = f"the upgrade {side.text('id')}".rstrip()
    if phase in ("none", "done", "rolled-back"):
        yield ok("upgrade", "none is under way")
    elif phase == "running":
        yield critical("upgrade", f"{name} is at work, at {step}", "wait: lpse-ops spse status")
    elif phase in ("stopped", "stuck"):
        advice = "finish it: lpse-ops spse upgrade --resume, or lpse-ops spse rollback"
        yield critical("upgrade", f"{name} is {phase} at {step}", advice)
    else:
        yield unknown("upgrade", side.trouble or "the step runner does not tell")


def judge_backups(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("backups")
    accepted = asked.accepted_risk or facts.inner("site").text("accepted_risk")
    if accepted:
        advice = "have a backup all the same: lpse-ops backup init"
        yield warning("backup", f"the upgrade does without: {accepted}", advice)
    elif not asked.is_upgrade and (side.flag("is_installed") is False or side.trouble):
        yield skipped("backup", "the installation sets it up")
    elif side.trouble:
        advice = "on the server, as root: lpse-ops backup status"
        yield critical("backup", f"nobody can tell: {side.trouble}", advice)
    else:
        yield from _judge_copies(side.parts("destinations"), asked)
        yield from _judge_backup_room(side.parts("destinations"), facts)


def _judge_copies(copies: list[Facts], asked: Asked) -> Iterator[Check]:
    """By the newest copy, and by the newest proof of any; their times are as the host told them."""
    grave = Level.CRITICAL if asked.is_upgrade else Level.WARNING
    ages = [each.number("age_seconds") for each in copies]
    known = [seconds for seconds in ages if seconds is not None]
    if not known:
        yield Check("backup", grave, "there is none yet", _RUN_BACKUP)
        return
    age = timedelta(seconds=min(max(min(known), 0), _LONGEST))
    if age > asked.thresholds.backup_age:
        yield Check("backup", grave, f"the newest is {_hours(age)} old", _RUN_BACKUP)
    else:
        yield ok("backup", f"the newest is {_hours(age)} old")
    proofs = [time for each in copies if (time := _time(each.text("verified"))) is not None]
    if not proofs:
        advice = "lpse-ops backup check, or lpse-ops backup drill"
        yield Check("backup-proof", grave, "no copy was ever proved", advice)
    else:
        yield ok("backup-proof", f"proved on {max(proofs).isoformat(' ', 'minutes')}")


def _judge_backup_room(copies: list[Facts], facts: Facts) -> Iterator[Check]:
    """The backup before the migration has to fit; less than the database is, as it is compressed.

    Only the documents that are new since the last one come on top.
    """
    size = facts.inner("database").inner("database").count("size_bytes")
    known = [(free, each) for each in copies if (free := each.count("free_bytes")) is not None]
    for free, each in known:
        value = f"{each.text('name')}: {show_bytes(free)} free"
        if size is not None and free < size:
            advice = "lpse-ops backup forget --prune, or a larger disk, before the upgrade"
            yield warning("backup-room", f"{value}, the database has {show_bytes(size)}", advice)
        else:
            yield ok("backup-room", value)


def _hours(age: timedelta) -> str:
    return f"{age / _HOUR:.0f} h" if age >= _HOUR else f"{age.total_seconds() / 60:.0f} min"


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
