"""``ansible.cfg`` and ``ANSIBLE_*``: each setting compared with ``ansible-config dump``."""

import json
from pathlib import Path

import pytest

from lpse_ops.errors import SettingsError
from lpse_ops.playbook.config import Config, field_names, load_config
from lpse_ops.playbook.config_table import SETTINGS
from tests.playbook.loading import run_ansible

FILE = """
[defaults]
roles_path = roles:~/more:/abs/roles
inventory = hosts.yml,other/
forks = 7   ; as many as we have
timeout = 21
remote_user = deploy
private_key_file = keys/id
gathering = smart
gather_subset = !all,network
force_handlers = yes
strategy = free
host_key_checking = False
vault_password_file = ~/vault.txt
vault_identity_list = dev@dev.txt, prod@prompt
fact_caching = jsonfile
fact_caching_connection = cache
error_on_missing_handler = off
hash_behaviour = merge
no_log = true
force_valid_group_names = always
poll_interval = 3
nocolor = 1
display_skipped_hosts = no
duplicate_dict_key = error
task_timeout = 9
log_path = logs/run.log
collections_path = /srv/collections
interpreter_python = /usr/bin/python3
callback_result_format = yaml
retry_files_enabled = True
any_errors_fatal = True
[privilege_escalation]
become = True
become_user = admin
become_method = su
become_ask_pass = True
become_allow_same_user = True
[tags]
run = a, b
skip = c
[diff]
always = true
context = 5
[inventory]
host_pattern_mismatch = error
any_unparsed_is_failed = yes
unparsed_is_failed = yes
inventory_unparsed_warning = no
"""
ENVIRONMENT = {
    "ANSIBLE_FORKS": "11",
    "ANSIBLE_REMOTE_USER": "sari",
    "ANSIBLE_ROLES_PATH": "/x:y",
    "ANSIBLE_INVENTORY": "one,two",
    "ANSIBLE_GATHERING": "explicit",
    "ANSIBLE_BECOME": "no",
    "ANSIBLE_BECOME_ALLOW_SAME_USER": "no",
    "ANSIBLE_DISPLAY_OK_HOSTS": "False",
    "ANSIBLE_NO_LOG": "0",
    "ANSIBLE_TIMEOUT": "5",
    "ANSIBLE_INJECT_FACT_VARS": "false",
    "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "ignore",
    "ANSIBLE_CACHE_PLUGIN": "memory",
    "ANSIBLE_RUN_TAGS": "x,y",
    "ANSIBLE_VAULT_ENCRYPT_IDENTITY": "prod",
    "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "silently",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "no",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "no",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "yes",
}
# Our name -> the name in ``ansible-config dump``.
NAMES = {
    "any_errors_fatal": "ANY_ERRORS_FATAL",
    "become": "DEFAULT_BECOME",
    "become_allow_same_user": "BECOME_ALLOW_SAME_USER",
    "become_ask_pass": "DEFAULT_BECOME_ASK_PASS",
    "become_method": "DEFAULT_BECOME_METHOD",
    "become_user": "DEFAULT_BECOME_USER",
    "collections_path": "COLLECTIONS_PATHS",
    "diff_always": "DIFF_ALWAYS",
    "diff_context": "DIFF_CONTEXT",
    "duplicate_dict_key": "DUPLICATE_YAML_DICT_KEY",
    "error_on_missing_handler": "ERROR_ON_MISSING_HANDLER",
    "fact_caching": "CACHE_PLUGIN",
    "fact_caching_timeout": "CACHE_PLUGIN_TIMEOUT",
    "force_handlers": "DEFAULT_FORCE_HANDLERS",
    "gathering": "DEFAULT_GATHERING",
    "hash_behaviour": "DEFAULT_HASH_BEHAVIOUR",
    "host_key_checking": "HOST_KEY_CHECKING",
    "host_pattern_mismatch": "HOST_PATTERN_MISMATCH",
    "inject_facts_as_vars": "INJECT_FACTS_AS_VARS",
    "interpreter_python": "INTERPRETER_PYTHON",
    "inventory": "DEFAULT_HOST_LIST",
    "inventory_any_unparsed_is_failed": "INVENTORY_ANY_UNPARSED_IS_FAILED",
    "inventory_unparsed_is_failed": "INVENTORY_UNPARSED_IS_FAILED",
    "inventory_unparsed_warning": "INVENTORY_UNPARSED_WARNING",
    "localhost_warning": "LOCALHOST_WARNING",
    "log_path": "DEFAULT_LOG_PATH",
    "no_color": "ANSIBLE_NOCOLOR",
    "no_log": "DEFAULT_NO_LOG",
    "poll_interval": "DEFAULT_POLL_INTERVAL",
    "private_key_file": "DEFAULT_PRIVATE_KEY_FILE",
    "private_role_vars": "DEFAULT_PRIVATE_ROLE_VARS",
    "remote_user": "DEFAULT_REMOTE_USER",
    "retry_files_enabled": "RETRY_FILES_ENABLED",
    "roles_path": "DEFAULT_ROLES_PATH",
    "run_tags": "TAGS_RUN",
    "skip_tags": "TAGS_SKIP",
    "strategy": "DEFAULT_STRATEGY",
    "task_timeout": "TASK_TIMEOUT",
    "timeout": "DEFAULT_TIMEOUT",
    "transform_invalid_group_chars": "TRANSFORM_INVALID_GROUP_CHARS",
    "vault_encrypt_identity": "DEFAULT_VAULT_ENCRYPT_IDENTITY",
    "vault_identity": "DEFAULT_VAULT_IDENTITY",
    "vault_identity_list": "DEFAULT_VAULT_IDENTITY_LIST",
    "vault_password_file": "DEFAULT_VAULT_PASSWORD_FILE",
}
EMPTY = {None: "", "None": ""}


def load(folder: Path, environment: dict[str, str]) -> tuple[Config, list[str]]:
    warnings: list[str] = []
    config = load_config(environment, folder, warnings.append, home=folder / "home")
    return config, warnings


def dump(folder: Path, environment: dict[str, str]) -> dict[str, object]:
    surroundings = {"HOME": str(folder / "home")} | environment
    done = run_ansible("ansible-config", "dump", "--format", "json", cwd=folder, env=surroundings)
    return {each["name"]: each["value"] for each in json.loads(done.stdout) if "name" in each}


def comparable(value: object) -> object:
    if isinstance(value, tuple | list):
        return [str(each) for each in value]
    return EMPTY.get(value, value)  # type: ignore[call-overload] # any value may be asked for


@pytest.mark.parametrize(
    ("text", "environment"),
    [(FILE, {}), (FILE, ENVIRONMENT), ("", {})],
    ids=["file", "both", "none"],
)
def test_settings_are_read_as_ansible_reads_them(tmp_path, text, environment):
    (tmp_path / "ansible.cfg").write_text(text)
    (tmp_path / "home").mkdir()
    theirs = dump(tmp_path, environment)
    ours, warnings = load(tmp_path, environment)
    differing = {
        name: (comparable(getattr(ours, name)), comparable(theirs[other]))
        for name, other in NAMES.items()
        if comparable(getattr(ours, name)) != comparable(theirs[other])
    }
    assert differing == {}
    assert warnings == []


def test_more_forks_than_ansible_takes():
    assert load(Path("/nowhere"), {})[0].forks == 50


def test_every_setting_has_its_field():
    assert {setting.name for setting in SETTINGS} == field_names()


def test_what_changes_nothing_is_said_once(tmp_path):
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nstdout_callback = yaml\nfilter_plugins = x\n"
    )
    (tmp_path / "library").mkdir()
    folders = {
        "ANSIBLE_LIBRARY": f"/none:{tmp_path}/library",
        "ANSIBLE_FILTER_PLUGINS": "/none:/dev/null",
    }
    _, warnings = load(tmp_path, folders | {"ANSIBLE_PIPELINING": "1", "ANSIBLE_TEST_X": "1"})
    assert warnings == [
        "$ANSIBLE_LIBRARY is not supported and changes nothing",
        f"{tmp_path}/ansible.cfg: [defaults] filter_plugins is not supported and changes nothing",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nforks = many\n", r"\[defaults\] forks has to be a whole number"),
        ("[defaults]\ngathering = never\n", r"gathering has to be one of implicit, explicit"),
        ("[defaults]\nforce_handlers = perhaps\n", r"force_handlers has to be true or false"),
        ("forks = 5\n", r"no section headers"),
    ],
)
def test_wrong_settings_name_their_place(tmp_path, text, message):
    (tmp_path / "ansible.cfg").write_text(text)
    with pytest.raises(SettingsError, match=message) as raised:
        load(tmp_path, {})
    assert str(tmp_path / "ansible.cfg") in raised.value.message


def test_the_first_file_there_is_counts(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.ansible.cfg").write_text("[defaults]\nforks = 1\n")
    assert load(tmp_path, {})[0].forks == 1
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 2\n")
    assert load(tmp_path, {})[0].forks == 2
    (tmp_path / "other.cfg").write_text("[defaults]\nforks = 3\n")
    assert load(tmp_path, {"ANSIBLE_CONFIG": str(tmp_path / "other.cfg")})[0].forks == 3


def test_the_home_of_nobody_is_a_name_like_any_other(tmp_path):
    (tmp_path / "ansible.cfg").write_text("[defaults]\nlog_path = ~nobody-here/run.log\n")
    config, _ = load(tmp_path, {"ANSIBLE_CONFIG": "~nobody-here/ansible.cfg"})
    assert config.log_path == str(tmp_path / "~nobody-here/run.log")


def test_a_file_that_anybody_may_write_is_passed_over(tmp_path):
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 2\n")
    tmp_path.chmod(0o777)
    config, warnings = load(tmp_path, {})
    assert (config.file, config.forks) == (None, 50)
    assert "chmod o-w" in warnings[0]
