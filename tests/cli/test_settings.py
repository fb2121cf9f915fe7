import json
from datetime import time, timedelta
from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lpse_ops.backup.retention import CalendarDuration, KeepPolicy
from lpse_ops.backup.storage.s3location import S3Options
from lpse_ops.backup.storage.transferlimit import TransferLimit
from lpse_ops.cli.settings import (
    BackupSettings,
    DatabaseSettings,
    Destination,
    Disk,
    NotifySettings,
    Person,
    Schedule,
    load_settings,
    require_settings,
    write_repository_id,
)
from lpse_ops.cli.settings_file import find_settings
from lpse_ops.cli.settings_schema import EXPLANATIONS
from lpse_ops.cli.settings_values import CHECKS, parse_limit
from lpse_ops.errors import SettingsError

ID = "4f0c" * 16
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYmTi9f2Mf8TbZyvO2GYjVPuPyXzTTUtQcq4aHPwXnC"

SITE = """\
site:
  name: LPSE Kabupaten Contoh
  slug: lpse-contoh
  time_zone: WITA
"""

FULL = f"""{SITE}
backup:
  databases:
    - url: postgresql:///epns_prod
    - {{url: 'postgresql://app@db/?service=x', name: second, password_file: db.pw, row_counts: off}}
  paths: [/home/file/file_prod, conf/../data/]
  exclude: ['*.tmp']
  exclude_file: exclude.txt
  exclude_caches: true
  exclude_if_present: [.nobackup]
  exclude_larger_than: 2GiB
  one_file_system: true
  password_file: /etc/lpse-ops/backup.password
  destinations:
    # plugged in on Mondays
    - name: disk-a
      location: repo
      disk: {{uuid: 1b2c-0001, kept_at: Brankas Setda}}
    - {{name: offsite, location: 's3:https://s3.example.id/b', repository_id: {ID},
       limit: '08:00-17:00 1MiB/s', s3: {{region: ap-southeast-3, retention: 30d}}}}
  keep: {{daily: 14, yearly: -1, within_monthly: 1y6m, tags: [upgrade, 'audit, 2026']}}
lkpp:
  addresses: [203.0.113.0/28, '2001:db8::/32']
people:
  - {{name: Sari, role: Kepala LPSE, key: {KEY} sari@lpse}}
  - {{name: Budi, role: Pengelola}}
"""


@pytest.fixture
def write(tmp_path):
    def write_settings(text: str) -> Path:
        path = tmp_path / "lpse-ops.yml"
        path.write_text(text)
        return path

    return write_settings


@pytest.fixture
def fail(write):
    """Errors of a file, without its folder, and the hint."""

    def load_wrong_settings(text: str) -> tuple[list[str], str]:
        path = write(text)
        with pytest.raises(SettingsError) as caught:
            load_settings(path)
        lines = caught.value.message.replace(f"{path.parent}/", "").splitlines()
        return lines, caught.value.hint

    return load_wrong_settings


def test_every_key_becomes_a_value(write, tmp_path):
    settings = load_settings(write(FULL))
    assert settings.file == tmp_path / "lpse-ops.yml"
    assert settings.site.name == "LPSE Kabupaten Contoh"
    assert settings.site.slug == "lpse-contoh"
    assert settings.site.time_zone.key == "Asia/Makassar"
    assert settings.backup == BackupSettings(
        databases=(
            DatabaseSettings("postgresql:///epns_prod", "epns_prod"),
            DatabaseSettings("postgresql://app@db/?service=x", "second", tmp_path / "db.pw", "off"),
        ),
        paths=(Path("/home/file/file_prod"), tmp_path / "data"),
        exclude=("*.tmp",),
        exclude_file=tmp_path / "exclude.txt",
        exclude_caches=True,
        exclude_if_present=(".nobackup",),
        exclude_larger_than=2 * 1024**3,
        one_file_system=True,
        password_file=Path("/etc/lpse-ops/backup.password"),
        destinations=(
            Destination("disk-a", str(tmp_path / "repo"), disk=Disk("1b2c-0001", "Brankas Setda")),
            Destination(
                "offsite",
                "s3:https://s3.example.id/b",
                ID,
                limit=parse_limit("08:00-17:00 1MiB/s"),
                s3=S3Options("ap-southeast-3", retention=timedelta(days=30)),
            ),
        ),
        keep=KeepPolicy(
            daily=14,
            yearly=-1,
            within_monthly=CalendarDuration(years=1, months=6),
            tags=(("upgrade",), ("audit", "2026")),
        ),
    )
    assert settings.lkpp.addresses == (ip_network("203.0.113.0/28"), ip_network("2001:db8::/32"))
    assert settings.people == (
        Person("Sari", "Kepala LPSE", f"{KEY} sari@lpse"),
        Person("Budi", "Pengelola"),
    )


def test_where_a_destination_is_and_whether_the_schedule_prunes_it(write):
    settings = load_settings(
        write(
            SITE + "backup:\n"
            "  schedule: {prune: monthly}\n"
            "  destinations:\n"
            "  - {name: a, location: a, kept_at: Diskominfo, disk: {uuid: 0000-0000}}\n"
            "  - {name: b, location: b, kept_at: Ruang Server, prune: false}\n"
            "  - {name: c, location: 's3:https://s3.example.id/b', s3: {retention: 30d}}\n"
            "  - {name: d, location: 's3:https://s3.example.id/b', "
            "s3: {retention: 30d}, prune: true}\n"
        )
    )
    found = settings.backup.destinations
    assert [each.kept_at for each in found] == ["Diskominfo", "Ruang Server", None, None]
    assert found[0].disk == Disk("0000-0000", "Diskominfo")
    assert [each.is_kept_whole for each in found] == [False, True, True, False]
    assert settings.backup.schedule == Schedule(time(1, 30), "monthly")
    assert BackupSettings().schedule.prune == "weekly"


def test_sections_that_are_not_there_are_empty(write):
    settings = load_settings(write(SITE))
    assert (settings.backup, settings.people) == (BackupSettings(), ())


@pytest.mark.parametrize(
    ("location", "resolved"),
    [
        ("repo", "{folder}/repo"),
        ("./s3:x", "{folder}/s3:x"),
        ("local:repo", "{folder}/repo"),
        ("/mnt/backup/repo/", "/mnt/backup/repo"),
        ("sftp:backup@host:/srv/repo", "sftp:backup@host:/srv/repo"),
        ("s3:https://s3.example.id:9000/b/a@b", "s3:https://s3.example.id:9000/b/a@b"),
    ],
)
def test_only_folders_are_relative_to_the_file(write, tmp_path, location, resolved):
    text = f"{SITE}backup: {{destinations: [{{name: a, location: '{location}'}}]}}"
    (destination,) = load_settings(write(text)).backup.destinations
    assert destination.location == resolved.format(folder=tmp_path)


def test_all_errors_are_told_in_the_order_of_the_file(fail):
    lines, hint = fail(
        "sight: 1\n"
        "site:\n"
        "  name: LPSE\n"
        "  slug: LPSE Contoh\n"
        "backup:\n"
        "  destinatons: []\n"
        "  keep: {daily: -2}\n"
    )
    assert lines == [
        "lpse-ops.yml:1:1: unknown key 'sight'",
        "lpse-ops.yml:2:1: site.time_zone is missing",
        "lpse-ops.yml:4:9: site.slug must be lower-case letters, digits and dashes, "
        "not 'LPSE Contoh'",
        "lpse-ops.yml:6:3: unknown key 'destinatons'",
        "lpse-ops.yml:7:17: backup.keep.daily must be -1 or more",
    ]
    assert hint == "did you mean 'site'?"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "1:1: site is missing", "init"),
        ("- a", "1:1: the file must be a section of keys", "init"),
        (f"{SITE}1: a", "5:1: unknown key '1'", "known here: site, backup"),
        (f"{SITE}backup: {{destinatons: []}}", "unknown key 'destinatons'", "'destinations'?"),
        (f"{SITE}backup: {{password: hunter2}}", "unknown key 'password'", "'password_file'?"),
        (SITE.replace("LPSE K", "# "), "2:8: site.name is empty", "fill in"),
        (SITE.replace("LPSE Kabupaten Contoh", "''"), "2:9: site.name is empty", "fill in"),
        (SITE.replace("LPSE Kabupaten Contoh", "12"), "site.name must be text", "in quotes"),
        (SITE.replace("WITA", "WITTA"), "must be a time zone, not 'WITTA'", "did you mean 'WITA'?"),
        (SITE.replace("WITA", "Q"), "must be a time zone, not 'Q'", "write one of WIB, WITA, WIT"),
        (f"{SITE}backup: {{paths: x}}", "backup.paths must be a list", "init"),
        (f"{SITE}backup: {{paths: [/a, /a]}}", "holds the same entry twice", "init"),
        (f"{SITE}backup: {{paths: [~/a]}}", "backup.paths[0] must be a whole path", "without ~"),
        (f"{SITE}backup: {{paths: ['']}}", "backup.paths[0] must be a path", "init"),
        (f"{SITE}backup: {{paths: [/lpse-ops/x]}}", "must not be inside /lpse-ops", "another name"),
        (f"{SITE}backup: {{exclude_larger_than: 1MB}}", "must be a size", "2GiB"),
        (f"{SITE}backup: {{exclude_larger_than: 1}}", "must be text", "in quotes"),
        (f"{SITE}backup: {{one_file_system: 1}}", "must be true or false", "init"),
        (f"{SITE}backup: {{keep: {{daily: yes}}}}", "daily must be a whole number", "init"),
        (f"{SITE}backup: {{keep: {{within: 2w}}}}", "within must be a duration", "1y6m"),
        (f"{SITE}backup: {{keep: {{within: 14}}}}", "within must be text", "in quotes"),
        (f"{SITE}backup: {{keep: {{tags: ['']}}}}", "tags[0] is empty", "fill in"),
        (f"{SITE}lkpp: {{addresses: [203.0.113.1/28]}}", "has host bits set", "203.0.113.0/28"),
        (f"{SITE}people: [{{name: A, role: B, key: x}}]", "OpenSSH public key", "id_*.pub"),
    ],
)
def test_each_error_has_its_sentence_and_hint(fail, text, message, hint):
    lines, said = fail(text)
    assert message in lines[0]
    assert hint in said
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("database", "message", "hint"),
    [
        ("{url: 'host=/run dbname=a'}", "must be a URL that begins with postgresql://", "epns"),
        ("{url: 'mysql:///a'}", "must be a URL that begins with postgresql://", "epns"),
        ("{url: 'postgresql://[::1/a'}", "must be a URL", "brackets"),
        ("{url: 'postgresql://app:hunter2@db/a'}", "must not hold a password", ".pgpass"),
        ("{url: 'postgresql://app:hun/ter2@db/a'}", "must not hold a password", ".pgpass"),
        ("{url: 'postgres:///a?password=hunter2'}", "must not hold a password", ".pgpass"),
        ("{url: 'postgres:///a?pass%77ord=hunter2'}", "must not hold a password", ".pgpass"),
        ("{url: 'postgresql:///?service=hunter2'}", "databases[0] needs a name", "add name:"),
        ("{url: 'postgresql:///a%2Fb'}", "databases[0] needs a name", "add name:"),
        ("{url: 'postgresql:///a', name: ../b}", "must be letters, digits", "name of a file"),
        ("{url: 'postgresql:///a', row_counts: some}", "one of exact, estimate, off", "init"),
        ("{name: a}", "databases[0].url is missing", "init"),
    ],
)
def test_databases_are_checked_and_no_url_is_repeated(fail, database, message, hint):
    lines, said = fail(f"{SITE}backup: {{databases: [{database}]}}")
    assert message in lines[0]
    assert hint in said
    assert len(lines) == 1
    assert "ter2" not in "".join(lines) + said


@pytest.mark.parametrize(
    "location",
    [
        "s3:https://key:hunter2@s3.example.id/b",
        "sftp://user:hunter2@host/srv",
        "sftp:user:hunter2@host:/srv",
        "rest:https://user:hunter2@host/",
    ],
)
def test_a_password_in_a_location_is_refused_and_not_repeated(fail, location):
    lines, hint = fail(f"{SITE}backup: {{destinations: [{{name: a, location: '{location}'}}]}}")
    assert lines[0].endswith("backup.destinations[0].location must not hold a password")
    assert "hunter2" not in "".join(lines) + hint


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ("location: x, repository_id: 4f0c", "must be 64 hexadecimal digits"),
        ("location: x, limit: fast", "must be a rate, not 'fast'"),
        ("location: x, limit: 1MB/s", "must be a rate: '1MB' is not a size"),
        ("location: x, limit: '25:00-17:00 1MiB/s'", "must be a rate: "),
        ("location: x, limit: 0B/s", "lets nothing through"),
        ("location: x, limit: '08:00-08:00 1MiB/s'", "lets nothing through"),
        ("location: x, s3: {retention: 30}", "s3.retention must be"),
        ("location: x, s3: {retention: soon}", "must be a duration: "),
        ("location: x, s3: {addressing: dns}", "must be one of"),
        ("location: x, s3: {secret_key: x}", "unknown key 'secret_key'"),
        ("location: x, sftp: {password: x}", "unknown key 'password'"),
        ("location: x, sftp: {ssh_options: ''}", "sftp.ssh_options is empty"),
        ("location: x, disk: {}", "disk.uuid is missing"),
        ("location: x, disk: {uuid: 'a b'}", "disk.uuid must be the UUID of a file system"),
        ("location: x, disk: {uuid: a, kept_at: Ruang Server}", "a safe place away from the"),
        ("location: x, disk: {uuid: a, kept_at: ' '}", "a safe place away from the"),
    ],
)
def test_destinations_are_checked(fail, destination, message):
    lines, _ = fail(f"{SITE}backup: {{destinations: [{{name: a, {destination}}}]}}")
    assert message in lines[0]


@pytest.mark.parametrize("entries", ["5", "{a: b}", "[5]", "[[a]]", "[{name: {a: b}}]"])
@pytest.mark.parametrize("section", ["databases", "destinations"])
def test_wrong_types_do_not_disturb_the_check_of_names(fail, section, entries):
    lines, _ = fail(f"{SITE}backup: {{{section}: {entries}}}")
    assert lines[0].startswith("lpse-ops.yml:5:")


def test_the_same_name_twice_is_refused(fail):
    lines, hint = fail(
        f"{SITE}backup:\n"
        "  destinations:\n"
        "  - {name: a, location: x}\n"
        "  - {name: a, location: y}\n"
        "  databases:\n"
        "  - url: postgresql:///a\n"
        "  - {url: 'postgresql:///b?dbname=a'}\n"
    )
    assert lines == [
        "lpse-ops.yml:8:5: backup.destinations[1] has the name 'a' of an earlier one",
        "lpse-ops.yml:11:5: backup.databases[1] has the name 'a' of an earlier one",
    ]
    assert hint == "give each of them its own name"


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 A",
        KEY[:30],
        KEY.replace("ssh-ed25519", "ssh-rsa"),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(key):
    with pytest.raises(SettingsError) as caught:
        CHECKS["public-key"](key)
    assert key not in caught.value.message + caught.value.hint


def test_a_limit_without_hours_holds_always():
    assert parse_limit("2MiB/s") == TransferLimit(2 * 1024**2)


def test_a_repository_id_is_written_back_with_comments_kept(write):
    path = write(FULL)
    write_repository_id(load_settings(path), "disk-a", ID)
    text = path.read_text()
    assert text.replace(f"      repository_id: {ID}\n", "", 1) == FULL
    assert load_settings(path).backup.destinations[0].repository_id == ID


def test_a_named_file_comes_first_then_the_variable_then_the_places(tmp_path):
    places = (tmp_path / "a.yml", tmp_path / "b.yml")
    variable = {"LPSE_OPS_SETTINGS": "/variable.yml"}
    assert find_settings(None, {}, places) is None
    places[1].touch()
    assert find_settings(None, {}, places) == places[1]
    places[0].symlink_to("nowhere")
    assert find_settings(None, {}, places) == places[0]
    assert find_settings(None, variable, places) == Path("/variable.yml")
    assert find_settings(Path("named.yml"), variable, places) == Path("named.yml")


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(tmp_path / "none.yml")


def test_a_command_that_needs_settings_says_where_it_looked():
    with pytest.raises(SettingsError) as caught:
        require_settings(None)
    assert "neither lpse-ops.yml nor /etc/lpse-ops/lpse-ops.yml" in caught.value.message
    assert "--settings FILE" in caught.value.hint


def read_schema():
    return json.loads(files("lpse_ops.cli").joinpath("settings.schema.json").read_text())


def sections_of(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from sections_of(part)


def keywords_of(schema):
    if isinstance(schema, dict):
        for key, part in schema.items():
            yield key
            yield from keywords_of(part)


def test_every_keyword_of_the_schema_has_its_explanation():
    checking = set(Draft202012Validator.VALIDATORS) - {"$ref", "properties", "items"}
    assert checking & set(keywords_of(read_schema())) == set(EXPLANATIONS)


def test_the_schema_helps_editors():
    schema = read_schema()
    Draft202012Validator.check_schema(schema)
    for section in sections_of(schema):
        assert section["additionalProperties"] is False
        assert all(key.get("description") for key in section["properties"].values())


def test_every_format_of_the_schema_has_its_check():
    text = json.dumps(read_schema())
    assert {f for f in CHECKS if f'"format": "{f}"' in text} == set(CHECKS)
    assert text.count('"format"') == sum(text.count(f'"format": "{f}"') for f in CHECKS)


def test_the_schedule_and_who_is_told_become_values(write, tmp_path):
    settings = load_settings(
        write(
            f"{SITE}backup: {{schedule: {{at: '23:05'}}, alert_after: 2d, rotate_after: 1w,\n"
            "  drill_after: 30d, key_drill_after: 400d}\n"
            "notify: {urls_file: urls, heartbeat_file: /etc/beat, metrics_file: a/b.prom}\n"
        )
    )
    assert settings.backup.schedule == Schedule(time(23, 5))
    assert settings.backup.alert_after == timedelta(days=2)
    assert settings.backup.rotate_after == timedelta(weeks=1)
    assert settings.notify == NotifySettings(
        tmp_path / "urls", Path("/etc/beat"), tmp_path / "a/b.prom"
    )
    assert load_settings(write(SITE)).backup.schedule == Schedule(time(1, 30))


@pytest.mark.parametrize(
    ("backup", "message", "hint"),
    [
        ("schedule: {at: '24:00'}", "must be a time of day, not '24:00'", "'01:30'"),
        ("schedule: {at: '1:30'}", "must be a time of day, not '1:30'", "'01:30'"),
        # YAML 1.1 reads it as a number of minutes.
        ("schedule: {at: 13:30}", "backup.schedule.at must be text", "in quotes"),
        ("alert_after: 1 day", "must be a duration", "30h"),
        ("alert_after: 0h", "must be a minute or more", "30h"),
    ],
)
def test_times_of_the_schedule_are_checked(fail, backup, message, hint):
    lines, said = fail(f"{SITE}backup: {{{backup}}}")
    assert message in lines[0]
    assert hint in said
