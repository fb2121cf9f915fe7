"""What PostgreSQL says of itself and of SPSE's database; no password leaves the host.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import json
from typing import Any, Dict, List, Optional, Tuple

from lpse_ops.agent.pgpasswords import fits_scram, is_scram, md5_of
from lpse_ops.agent.spsefacts.programs import Programs, Ran
from lpse_ops.agent.spsefacts.site import Site

_OPTIONS = ("-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1")
_ENVIRONMENT = {
    "PGCONNECT_TIMEOUT": "5",
    "PGOPTIONS": "-c statement_timeout=15000 -c default_transaction_read_only=on",
    "PGAPPNAME": "lpse-ops-preflight",
}
_SECONDS = 20.0
_OLDEST, _TEN = 90600, 100000
_VERSION = "SELECT current_setting('server_version_num'), current_setting('server_version')"
# All of it is there since PostgreSQL 9.6.
_SERVER = """\
SELECT row_to_json(answer) FROM (SELECT
  current_setting('server_version_num')::int AS version_number,
  current_setting('server_version') AS version,
  current_setting('max_connections')::int AS most_connections,
  current_setting('superuser_reserved_connections')::int AS reserved_connections,
  current_setting('data_directory', true) AS data_directory,
  current_setting('listen_addresses') AS listen_addresses,
  pg_is_in_recovery() AS is_standby,
  (SELECT count(*) FROM pg_stat_activity{clients}) AS used_connections,
  (SELECT count(*) FROM pg_prepared_xacts WHERE database = {name}) AS prepared,
  (SELECT rolsuper FROM pg_roles WHERE rolname = {role}) AS is_superuser,
  (SELECT row_to_json(it) FROM (
     SELECT pg_database_size(it.oid) AS size_bytes, spcname AS tablespace
       FROM pg_database AS it JOIN pg_tablespace AS place ON place.oid = dattablespace
      WHERE datname = {name}) AS it) AS database,
  (SELECT json_agg(it) FROM (
     SELECT left(application_name, 40) AS program, usename = {role} AS is_spse, count(*) AS count
       FROM pg_stat_activity WHERE datname = {name} AND pid <> pg_backend_pid()
      GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20) AS it) AS sessions
) AS answer"""
_INSIDE = """\
SELECT row_to_json(answer) FROM (SELECT
  (SELECT json_agg(extname || ' ' || extversion ORDER BY extname) FROM pg_extension) AS extensions,
  (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects,
  (SELECT count(*) FROM pg_class WHERE reltablespace NOT IN
     (0, (SELECT oid FROM pg_tablespace WHERE spcname = 'pg_global'))) AS placed_elsewhere,
  (SELECT count(*) FROM pg_class JOIN pg_namespace AS it ON it.oid = relnamespace
    WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema')) AS tables
) AS answer"""
_TRUSTED = """\
SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'trust' AND error IS NULL"""
_KEPT = "SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = {role}"


def read_database(programs: Programs, site: Site) -> Dict[str, Any]:
    """``trouble`` is why the server did not answer, ``inside_trouble`` the same of the database."""
    fill = {"name": _quote(site.database), "role": _quote(site.role)}

    def psql(where: str, sql: str) -> Ran:
        return _psql(programs, site, where, sql)

    version = psql("postgres", _VERSION)
    if not version.is_good:
        return {"trouble": version.why_not, "is_installed": _is_installed(version)}
    number, shown = parse_version(version.stdout)
    if number < _OLDEST:
        # What follows is too new for it, and it is too old for SPSE.
        return {"version_number": number, "version": shown, "is_installed": True}
    fill["clients"] = " WHERE backend_type = 'client backend'" if number >= _TEN else ""
    told = _answer(psql("postgres", _SERVER.format(**fill)))
    told["is_installed"] = True
    told["default_password"] = _has_default_password(
        psql("postgres", _KEPT.format(**fill)), site.role
    )
    told["trusts"] = _count(psql("postgres", _TRUSTED)) if number >= _TEN else None
    if isinstance(told.get("database"), dict):
        inside = _answer(psql(site.database, _INSIDE))
        told["inside_trouble"] = inside.pop("trouble", "")
        told.update(inside)
    return told


def parse_version(text: str) -> Tuple[int, str]:
    """``150008|15.8`` as psql prints it; 0 for what is no version."""
    number, _, shown = text.strip().partition("|")
    return (int(number) if number.isdigit() else 0), shown[:40]


def _has_default_password(kept: Ran, role: str) -> Optional[bool]:
    """Whether the role's password is its own name, as in the field; None if nobody can tell."""
    return is_password(role, role, kept.stdout.strip()) if kept.is_good else None


def is_password(password: str, role: str, kept: str) -> bool:
    """Whether this is the password that the server keeps of a role, in whatever form."""
    if is_scram(kept):
        return fits_scram(password, kept)
    return kept in (password, md5_of(password, role))


def _psql(programs: Programs, site: Site, database: str, sql: str) -> Ran:
    program = f"{site.programs}/psql" if site.programs else "psql"
    argv: List[str] = [program, *_OPTIONS, f"--dbname={_plain(database)}", "--command", sql]
    argv += [f"--port={site.database_port}", f"--username={site.database_user}"]
    if site.database_host:
        argv.append(f"--host={site.database_host}")
    environment = dict(_ENVIRONMENT)
    if site.passfile:
        environment["PGPASSFILE"] = site.passfile
    return programs.ask(
        *argv, seconds=_SECONDS, account=site.database_account, environment=environment
    )


def _plain(database: str) -> str:
    """A name that libpq does not take for a connection string."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _is_installed(ran: Ran) -> bool:
    return "is not there" not in ran.trouble and "there is no account" not in ran.trouble


def _answer(ran: Ran) -> Dict[str, Any]:
    if not ran.is_good:
        return {"trouble": ran.why_not}
    try:
        value = json.loads(ran.stdout)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"trouble": "psql's answer is no JSON"}


def _count(ran: Ran) -> Optional[int]:
    text = ran.stdout.strip()
    return int(text) if ran.is_good and text.isdigit() else None


def _quote(text: str) -> str:
    doubled = text.replace("'", "''")
    return "E'{}'".format(doubled.replace("\\", "\\\\")) if "\\" in text else f"'{doubled}'"
