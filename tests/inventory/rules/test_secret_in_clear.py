import pytest

from tests.inventory.rules.fleetsites import faults, of_server, places, see

RULE = "secret-in-clear"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\\n"
FOUND = [
    ("db_password: rahasia", "6:24"),
    ("ansible_become_pass: rahasia", "6:32"),
    ("ansible_ssh_pass: 'rahasia dapur'", "6:29"),
    ("ansible_become_password: 12345678", "6:36"),
    ("PASSWORD: rahasia", "6:21"),
    ("dbPassword: rahasia", "6:23"),
    ("db-password: rahasia", "6:24"),
    ("password1: rahasia", "6:22"),
    ("kata_sandi: rahasia", "6:23"),
    ("api_token: abcdef", "6:22"),
    ("apikey: abcdef", "6:19"),
    ("aws_secret_access_key: abcdef", "6:34"),
    ("pin_pass: 0.5", "6:21"),
    ("private_key: abc", "6:24"),
    ("users: [{name: sari, password: rahasia}]", "6:42"),
    ("users: {sari: {password: rahasia}}", "6:36"),
    ("passwords: {sari: rahasia, budi: lagi}", "6:29 6:44"),
    ("passwords: [rahasia]", "6:23"),
    ("secrets: {db: {value: rahasia}}", "6:33"),
    ("db: {password: 123}", "6:16"),
    (f'ssh_key: "{PEM}"', "6:20"),
    ("db: postgresql://epns:epns@localhost/epns_prod", "6:15"),
    ("note: see https://x.y:s3cr3t@host/path", "6:17"),
    ("note: ghp_" + "a1B2" * 9, "6:17"),
    ("note: glpat-" + "a1B2" * 5, "6:17"),
    ("note: AKIAIOSFODNN7EXAMPLE", "6:17"),
    ("note: 123456789:AA" + "x" * 33, "6:17"),
    ("note: xoxb-1234567890-abc", "6:17"),
    ("note: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w", "6:17"),
]
NOT_FOUND = [
    "db_password: '{{ vault_db_password }}'",
    "db_password: \"{{ lookup('env', 'DB_PASSWORD') }}\"",
    "db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162",
    "db_password:",
    "db_password: ''",
    "password: '!'",
    "password: '*'",
    "password: $6$rounds=5000$saltsalt$abcdefghijklmnop",
    "password: $y$j9T$abc$def",
    "password: SCRAM-SHA-256$4096:abc$def:ghi",
    "db_password: false",
    "db_password_file: /etc/lpse-ops/db.password",
    "password_file: db.password",
    "db_password: /etc/lpse-ops/db.password",
    "db_password: ~/.db.password",
    "ssh_private_key: keys/id_ed25519",
    "ansible_ssh_private_key_file: ~/.ssh/id_ed25519",
    "ansible_private_key_file: id_ed25519",
    "update_password: on_create",
    "password_length: 24",
    "password_policy: strong",
    "token_lifetime: 3600",
    "secret_name: db",
    "no_password: sure",
    "require_password: 'yes'",
    "compass: utara",
    "bypass_proxy: localhost",
    "passive_ports: 3000",
    "users: [{name: sari, update_password: always}]",
    "secrets: {db: {file: x, name: epns, user: epns}}",
    "ssh_public_key: ssh-ed25519 AAAA",
    "url: https://user@host/path",
    "url: https://{{ user }}:{{ password }}@host/",
    "url: http://host:8080/a@b",
    "note: -----BEGIN CERTIFICATE-----",
    "tokenizer: x",
]


@pytest.mark.parametrize(("variable", "expected"), FOUND)
def test_secrets_are_found_and_never_shown(variable, expected, tmp_path):
    found = of_server(RULE, tmp_path, variable)
    assert [each.split(" ")[0] for each in found] == expected.split(" ")
    for each in found:
        assert each.endswith("stands here in clear")
        assert "rahasia" not in each
        assert "s3cr3t" not in each


@pytest.mark.parametrize("variable", NOT_FOUND)
def test_what_is_no_secret_is_let_be(variable, tmp_path):
    assert of_server(RULE, tmp_path, variable) == []


def test_it_looks_at_every_group_and_format(tmp_path):
    files = {
        "hosts.ini": "[db]\ndb-1 db_password=rahasia\n[db:vars]\napi_token = abcdef\n",
        "host_vars/db-1.yml": "token: abcdef\n",
        "group_vars/all/main.json": '{"client_secret": "abc"}\n',
    }
    assert places(RULE, tmp_path, files) == [
        "main.json:1:19",
        "db-1.yml:1:8",
        "hosts.ini:2:18",
        "hosts.ini:4:13",
    ]


def test_a_sealed_file_hides_what_it_holds(tmp_path):
    sealed = "$ANSIBLE_VAULT;1.1;AES256\n616263\n"
    files = {"hosts.ini": "[db]\ndb-1\n", "group_vars/db.yml": sealed}
    assert places(RULE, tmp_path, files) == []


def test_the_hint_is_the_command(tmp_path):
    seen = see(tmp_path, {"hosts.ini": "db-1 db_password=rahasia 'x;reboot password'=a\n"})
    hints = [each.hint for each in faults(RULE, seen)]
    assert hints[0] == "run: lpse-ops vault encrypt-string --prompt --name db_password"
    assert not any("reboot" in hint for hint in hints)


@pytest.mark.parametrize(
    "value",
    ["[" * 80 + "]" * 80, "a" * 500_000, "'" + "x://" * 50_000 + "'", "'" + ":@" * 100_000 + "'",
     "'" + "-----BEGIN " * 20_000 + "'", '"\\0\\e[2J"', "{1: {2.5: {~: {true: x}}}}", "&a [*a]"],
)  # fmt: skip
def test_hostile_values_crash_nothing(value, tmp_path):
    for message in of_server(RULE, tmp_path, f"db_password: {value}"):
        assert message.isprintable()
