import pytest

from lpse_ops.inventory.secrets import is_clear, is_secret_name, secrets_in
from lpse_ops.marked import Origin

HERE = Origin("x.yml", 1, 1)


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "DB_PASSWORD", "dbPassword", "db-password", "password2", "api_key",
     "ansible_become_pass", "vault_token", "client_secret", "psk", "ssh_private_key", "kata_sandi"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["password_file", "update_password", "compass", "bypass", "public_key", "ssh_key", "tokens_max",
     "ansible_ssh_private_key_file", "require_password", "secret_name", "monkey", "keyboard", ""],
)  # fmt: skip
def test_names_of_what_is_no_secret(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize("value", ["rahasia", "p@ss word", "12345", "{broken", "a/b c"])
def test_values_in_clear(value):
    assert is_clear(value)


@pytest.mark.parametrize(
    "value",
    ["", " ", "{{ x }}", "!", "*", "$6$a$b", "/etc/x", "~/x", "keys/id", "id.pem", "absent",
     "$ANSIBLE_VAULT;1.1;AES256\n30\n", "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]"],
)  # fmt: skip
def test_values_that_give_nothing_away(value):
    assert not is_clear(value)


def test_what_is_said_holds_nothing_of_the_secret():
    value = {"password": "rahasia", "list": [{"token": 12345}], "url": "s3://me:rahasia@host/"}
    found = list(secrets_in("database", value, HERE))
    assert [each.what for each in found] == [
        "the secret 'password'",
        "the secret 'token'",
        "a password in an address",
    ]


def test_a_mapping_without_end_is_left_in_time():
    deep: dict = {"password": "rahasia"}
    for _ in range(5000):
        deep = {"a": deep}
    assert list(secrets_in("x", deep, HERE)) == []
