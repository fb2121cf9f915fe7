import pytest

from lpse_ops.inventory.rules.backup_destination import machine_of
from tests.inventory.rules.fleetsites import of_server, places

RULE = "backup-destination"
NAME = "backup_destinations"
FOUND = [
    ("x: 1", "5:9 spse-1 has no backup_destinations"),
    (f"{NAME}: []", "6:32 backup_destinations is empty"),
    (f"{NAME}: /mnt/disk", "6:32 backup_destinations: '/mnt/disk' is no list"),
    (f"{NAME}: [ftp:x]", "6:33 backup_destinations: 'ftp:x' is no place"),
    (f"{NAME}: [{{name: a}}]", "6:33 backup_destinations: 'None' is no place"),
    (f"{NAME}: [backup]", "6:33 backup_destinations: 'backup' is no place"),
    (f"{NAME}: ['s3:https://']", "6:33 backup_destinations: 's3:https://' is no place"),
    (f"{NAME}: [7]", "6:32 backup_destinations: '7' is no place"),
]
ITSELF = [
    ("/home/backupdb", "this folder is on the server itself"),
    ("local:/mnt/x", "this folder is on the server itself"),
    ("sftp:b@spse-1:/x", "'spse-1' is spse-1 itself"),
    ("sftp:b@SPSE-1:/x", "'spse-1' is spse-1 itself"),
    ("sftp:b@localhost:/x", "'localhost' is spse-1 itself"),
    ("sftp:b@127.0.0.1:/x", "'localhost' is spse-1 itself"),
    ("sftp://b@[::1]:22/x", "'localhost' is spse-1 itself"),
    ("sftp:b@10.0.0.5:/x", "'10.0.0.5' is spse-1 itself"),
    ("sftp:b@36.37.64.10:/x", "'36.37.64.10' is spse-1 itself"),
    ("s3:https://spse.contoh.go.id/bucket", "'spse.contoh.go.id' is spse-1 itself"),
    ("s3:http://10.0.0.5:9000/bucket", "'10.0.0.5' is spse-1 itself"),
]
SELF = "ansible_host: 10.0.0.5\nspse_public_address: 36.37.64.10\nspse_domain: spse.contoh.go.id\n"
AWAY = "s3:https://s3.example.id/lpse"


@pytest.mark.parametrize(("variable", "expected"), FOUND)
def test_a_destination_that_is_none_is_found(variable, expected, tmp_path):
    [found] = of_server(RULE, tmp_path, variable)
    assert found.startswith(expected)


@pytest.mark.parametrize(("location", "expected"), ITSELF)
def test_the_server_itself_is_found_by_each_of_its_names(location, expected, tmp_path):
    found = of_server(RULE, tmp_path, f"{SELF}{NAME}: ['{AWAY}', '{location}']")
    assert found == [f"9:{33 + len(AWAY) + 4} {NAME}: {expected}"]


def test_a_second_name_of_the_same_machine_is_found(tmp_path):
    files = {
        "hosts.ini": "[spse]\nspse-1 ansible_host=10.0.0.5\n[backup]\nnas ansible_host=10.0.0.5\n",
        "group_vars/spse.yml": f"{NAME}:\n  - location: '{AWAY}'\n  - location: sftp:b@nas:/x\n",
    }
    assert places(RULE, tmp_path, files) == ["spse.yml:3:15"]


def test_copies_that_all_stay_in_the_server_room_are_found(tmp_path):
    files = {
        "hosts.ini": "[spse]\nspse-1 ansible_host=10.0.0.5\n[backup]\nnas ansible_host=10.0.0.6\n",
        "group_vars/spse.yml": f"{NAME}: ['sftp:b@nas:/x', 'sftp:b@10.0.0.6:/y']\n",
    }
    assert places(RULE, tmp_path, files) == ["spse.yml:1:22"]


@pytest.mark.parametrize(
    "entries",
    [
        f"['{AWAY}']",
        "[{location: /mnt/disk, kept_at: Brankas}]",
        "[{location: /mnt/disk, disk: {uuid: 1b2c, kept_at: Brankas}}]",
        "[{name: a, location: 'sftp:b@backup.lain.go.id:/x'}]",
        "['{{ destination }}']",
        "'{{ destinations }}'",
        "[{location: '{{ destination }}'}]",
    ],
)
def test_a_copy_elsewhere_is_let_be(entries, tmp_path):
    assert of_server(RULE, tmp_path, f"{SELF}{NAME}: {entries}") == []


def test_hosts_that_are_no_spse_servers_are_let_be(tmp_path):
    assert places(RULE, tmp_path, {"hosts.ini": f"[db]\na {NAME}=x\n"}) == []


@pytest.mark.parametrize(
    ("location", "machine"),
    [
        ("/a", ""),
        ("sftp:host:/x", "host"),
        ("sftp://u@Host.:2222//x", "host"),
        ("sftp:u@[2001:DB8::0001]:/x", "2001:db8::1"),
        ("s3:s3.amazonaws.com/b", "s3.amazonaws.com"),
        ("rest:https://user:pw@host:8000/", "host"),
        ("sftp:", None),
        ("", None),
        ("azure:x", None),
    ],
)
def test_the_machine_of_a_location(location, machine):
    assert machine_of(location) == machine


@pytest.mark.parametrize(
    "value", ["[[[]]]", "[{}]", "[{location: {a: b}}]", "{a: 1}", "[~]", "'" + "@" * 50_000 + "'",
              "['sftp:" + "@:" * 50_000 + "']", '["\\0\\e"]', "[{location: /x, disk: 1}]"],
)  # fmt: skip
def test_hostile_values_crash_nothing(value, tmp_path):
    for message in of_server(RULE, tmp_path, f"{NAME}: {value}"):
        assert message.isprintable()
