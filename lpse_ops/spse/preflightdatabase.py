"""Checks of PostgreSQL and of SPSE's database."""

from collections.abc import Iterator
from datetime import date

from lpse_ops.spse.preflightcheck import (
    Asked,
    Check,
    critical,
    ok,
    show_bytes,
    skipped,
    unknown,
    warning,
)
from lpse_ops.spse.preflightfacts import Facts

# https://www.postgresql.org/support/versioning/
_SUPPORTED_UNTIL = {
    10: date(2022, 11, 10),
    11: date(2023, 11, 9),
    12: date(2024, 11, 21),
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
_NEW_NUMBERS = 100000
_EVERY_DATABASE_HAS = "plpgsql "
_MAX_NAMES = 6


def judge_database(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("database")
    if side.trouble:
        yield _judge_silence(side, asked)
        return
    yield _judge_version(side, asked)
    if not side.has("most_connections"):
        # So old that nothing more could be asked.
        return
    yield from _judge_connections(side, asked)
    yield from _judge_passwords(side, facts.inner("site").text("role"))
    if side.flag("is_standby"):
        advice = "run it where the primary is: a copy takes no upgrade"
        yield critical("postgresql-standby", "it is a copy of another server", advice)
    name = facts.inner("site").text("database")
    if side.has("database"):
        yield from _judge_content(side, name)
        yield from _judge_sessions(side)
    elif asked.is_upgrade:
        advice = "lpse-ops spse install makes it; is it the right server? site.json, database"
        yield critical("database", f"there is no database {name}", advice)
    else:
        yield ok("database", f"{name} is yet to be made")


def _judge_silence(side: Facts, asked: Asked) -> Check:
    if not asked.is_upgrade and side.flag("is_installed") is False:
        return skipped("postgresql", "not there yet: the installation makes it")
    advice = "systemctl status postgresql; as root: runuser -u postgres -- psql -l"
    say = critical if asked.is_upgrade else unknown
    return say("postgresql", side.trouble, advice)


def _judge_version(side: Facts, asked: Asked) -> Check:
    number, shown = side.count("version_number"), side.text("version")
    if not number:
        return unknown("postgresql", "its version is not known")
    major = number // 10000
    oldest = asked.thresholds.oldest_postgresql
    if number < _NEW_NUMBERS or major < oldest:
        advice = f"SPSE wants {oldest} or newer: move the database by dump and restore"
        return critical("postgresql", f"version {shown}", advice)
    until = _SUPPORTED_UNTIL.get(major)
    if until and asked.now.date() > until:
        advice = "plan a newer one; ask LKPP which SPSE runs with"
        return warning("postgresql", f"version {shown}, no corrections since {until}", advice)
    return ok("postgresql", f"version {shown}")


def _judge_connections(side: Facts, asked: Asked) -> Iterator[Check]:
    most, used = side.count("most_connections"), side.count("used_connections")
    if most is None or used is None:
        yield unknown("connections", "not told")
        return
    free = most - used - (side.count("reserved_connections") or 0)
    value = f"{max(free, 0)} of {most} free"
    advice = "who holds them: SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1"
    if free < asked.thresholds.connections_critical:
        yield critical("connections", value, advice)
    elif free < asked.thresholds.connections_warning:
        yield warning("connections", value, advice)
    else:
        yield ok("connections", value)


def _judge_passwords(side: Facts, role: str) -> Iterator[Check]:
    id = "database-password"  # noqa: A001
    is_default = side.flag("default_password")
    if is_default:
        advice = "set another one with \\password in psql, and put it into application.conf"
        yield critical(id, f"the role {role} has the one that everybody knows", advice)
    elif is_default is None:
        yield unknown(id, "only a superuser of PostgreSQL can tell")
    else:
        yield ok(id, f"not the one that the role {role} has elsewhere")
    if side.flag("is_superuser"):
        advice = f'ALTER ROLE "{role}" NOSUPERUSER'
        yield warning("database-rights", f"{role} is a superuser of PostgreSQL", advice)
    trusts = side.count("trusts")
    if trusts:
        advice = "scram-sha-256 (md5 where drivers are old) in place of trust in pg_hba.conf"
        yield warning("pg-hba", f"{trusts} lines let people in without a password", advice)


def _judge_content(side: Facts, name: str) -> Iterator[Check]:
    size = side.inner("database").count("size_bytes") or 0
    trouble = side.text("inside_trouble")
    if trouble:
        advice = f"as root: runuser -u postgres -- psql -d {name}"
        yield critical("database", f"{name} lets nobody look into it: {trouble}", advice)
        return
    tables, objects = side.count("tables") or 0, side.count("large_objects") or 0
    value = f"{name}, {show_bytes(size)}, {tables} tables"
    yield ok("database", f"{value}, {objects} large objects" if objects else value)
    # What comes with every database is no news.
    found = [each for each in side.texts("extensions") if not each.startswith(_EVERY_DATABASE_HAS)]
    shown = ", ".join(found[:_MAX_NAMES]) or "none"
    yield ok(
        "extensions", f"{shown}; another server for this database needs them" if found else shown
    )
    elsewhere = side.count("placed_elsewhere")
    place = side.inner("database").text("tablespace")
    if elsewhere or place not in ("pg_default", ""):
        value = f"{place or 'pg_default'}, {elsewhere or 0} tables and indexes in others"
        advice = "room there is not counted here: df, beside SELECT * FROM pg_tablespace"
        yield warning("tablespace", value, advice)
    prepared = side.count("prepared")
    if prepared:
        value = f"{prepared} transactions are prepared and not over: no clone can be made"
        advice = "SELECT * FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED"
        yield critical("prepared", value, advice)


def _judge_sessions(side: Facts) -> Iterator[Check]:
    """Whoever else is in the database would be thrown out, and may write meanwhile."""
    own = sum(each.count("count") or 0 for each in side.parts("sessions") if each.flag("is_spse"))
    others = [each for each in side.parts("sessions") if each.flag("is_spse") is False]
    if others:
        names = ", ".join(
            f"{each.text('program') or 'unnamed'} ({each.count('count')})"
            for each in others[:_MAX_NAMES]
        )
        advice = "stop what writes there, such as reports of the site, before the upgrade"
        yield warning("database-sessions", f"{own} of SPSE, others: {names}", advice)
    else:
        yield ok("database-sessions", f"{own} of SPSE, no others")
