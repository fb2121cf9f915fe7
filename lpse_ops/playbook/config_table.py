"""Every setting of ``ansible.cfg`` that means something here, and those known to change nothing."""

from dataclasses import dataclass
from typing import Any

from lpse_ops.playbook.actions_table import name_set


@dataclass(frozen=True)
class Setting:
    """One setting: its variables and its places in the file, the first that is there counts.

    ``kind``: text, bool, int, list (commas), path, paths (colons), sources (paths with commas),
    choice.
    """

    name: str
    kind: str
    default: Any
    variables: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]
    choices: tuple[str, ...] = ()


def _setting(
    name: str, kind: str, default: Any, variables: str = "", keys: str = "", choices: str = ""
) -> Setting:
    """``variables`` without their ANSIBLE_; ``keys`` in [defaults] or as section/key."""
    places = [each.rpartition("/") for each in keys.split() or [name]]
    return Setting(
        name,
        kind,
        default,
        tuple(f"ANSIBLE_{each}" for each in variables.split() or [name.upper()]),
        tuple((section or "defaults", key) for section, _, key in places),
        tuple(choices.split()),
    )


_BECOME = "privilege_escalation/"
_SSH = "ssh_connection/"
_FOLDERS = "{{ ANSIBLE_HOME }}/%s:/usr/share/ansible/%s"

SETTINGS = (
    _setting("allow_broken_conditionals", "bool", False),
    _setting("any_errors_fatal", "bool", False),
    _setting("ask_pass", "bool", False),
    _setting("ask_vault_pass", "bool", False),
    _setting("become", "bool", False, keys=f"{_BECOME}become"),
    _setting(
        "become_allow_same_user",
        "bool",
        False,
        keys=f"{_BECOME}become_allow_same_user",
    ),
    _setting("become_ask_pass", "bool", False, keys=f"{_BECOME}become_ask_pass"),
    _setting("become_exe", "text", "", keys=f"{_BECOME}become_exe sudo_become_plugin/executable"),
    _setting(
        "become_flags",
        "text",
        "",
        "BECOME_FLAGS SUDO_FLAGS",
        f"{_BECOME}become_flags sudo_become_plugin/flags",
    ),
    _setting("become_method", "text", "sudo", keys=f"{_BECOME}become_method"),
    _setting("become_password_file", "path", "", keys="become_password_file"),
    _setting("become_user", "text", "root", keys=f"{_BECOME}become_user"),
    _setting(
        "callback_result_format",
        "choice",
        "json",
        keys="callback_result_format",
        choices="json yaml",
    ),
    _setting(
        "collections_path",
        "paths",
        _FOLDERS % ("collections", "collections"),
        "COLLECTIONS_PATH COLLECTIONS_PATHS",
        "collections_path collections_paths",
    ),
    _setting("connection_password_file", "path", ""),
    _setting("diff_always", "bool", False, keys="diff/always"),
    _setting("diff_context", "int", 3, keys="diff/context"),
    _setting("display_args_to_stdout", "bool", False),
    _setting("display_failed_stderr", "bool", False),
    _setting("display_ok_hosts", "bool", True),
    _setting("display_skipped_hosts", "bool", True),
    _setting(
        "duplicate_dict_key",
        "choice",
        "warn",
        "DUPLICATE_YAML_DICT_KEY",
        choices="error warn ignore",
    ),
    _setting("error_on_missing_handler", "bool", True),
    _setting("fact_caching", "text", "memory", "CACHE_PLUGIN"),
    _setting("fact_caching_connection", "path", "", "CACHE_PLUGIN_CONNECTION"),
    _setting("fact_caching_prefix", "text", "", "CACHE_PLUGIN_PREFIX"),
    _setting("fact_caching_timeout", "int", 86400, "CACHE_PLUGIN_TIMEOUT"),
    _setting("force_color", "bool", False),
    _setting("force_handlers", "bool", False),
    _setting("forks", "int", 50),
    _setting("gather_subset", "list", ("all",)),
    _setting("gather_timeout", "int", 10),
    _setting("gathering", "choice", "implicit", choices="implicit explicit smart"),
    _setting("hash_behaviour", "choice", "replace", choices="replace merge"),
    _setting(
        "host_key_checking",
        "bool",
        True,
        "HOST_KEY_CHECKING SSH_HOST_KEY_CHECKING",
        f"host_key_checking {_SSH}host_key_checking",
    ),
    _setting(
        "host_pattern_mismatch",
        "choice",
        "warning",
        keys="inventory/host_pattern_mismatch",
        choices="warning error ignore",
    ),
    _setting("inject_facts_as_vars", "bool", True, "INJECT_FACT_VARS"),
    _setting("interpreter_python", "text", "auto", "PYTHON_INTERPRETER"),
    _setting("inventory", "sources", "/etc/ansible/hosts"),
    _setting(
        "inventory_any_unparsed_is_failed",
        "bool",
        False,
        keys="inventory/any_unparsed_is_failed",
    ),
    _setting(
        "inventory_unparsed_is_failed",
        "bool",
        False,
        "INVENTORY_UNPARSED_FAILED",
        "inventory/unparsed_is_failed",
    ),
    _setting(
        "inventory_unparsed_warning",
        "bool",
        True,
        keys="inventory/inventory_unparsed_warning",
    ),
    _setting("localhost_warning", "bool", True),
    _setting("log_path", "path", ""),
    _setting("no_color", "bool", False, "NOCOLOR", "nocolor"),
    _setting("no_log", "bool", False),
    _setting("poll_interval", "int", 15),
    _setting("private_key_file", "path", ""),
    _setting("private_role_vars", "bool", False),
    _setting("remote_port", "int", 0, keys=f"remote_port {_SSH}port"),
    _setting("remote_user", "text", ""),
    _setting("retry_files_enabled", "bool", False),
    _setting("retry_files_save_path", "path", ""),
    _setting("roles_path", "paths", f"{_FOLDERS % ('roles', 'roles')}:/etc/ansible/roles"),
    _setting("run_tags", "list", (), keys="tags/run"),
    _setting("show_custom_stats", "bool", False),
    _setting("show_task_path_on_failure", "bool", False),
    _setting("skip_tags", "list", (), keys="tags/skip"),
    _setting("ssh_args", "text", "", keys=f"{_SSH}ssh_args"),
    _setting("ssh_common_args", "text", "", keys=f"{_SSH}ssh_common_args"),
    _setting("ssh_extra_args", "text", "", keys=f"{_SSH}ssh_extra_args"),
    _setting("ssh_retries", "int", 0, keys=f"{_SSH}retries"),
    _setting("strategy", "text", "linear"),
    _setting("task_timeout", "int", 0),
    _setting("timeout", "int", 10, keys=f"timeout {_SSH}timeout"),
    _setting(
        "transform_invalid_group_chars",
        "choice",
        "never",
        keys="force_valid_group_names",
        choices="always never ignore silently",
    ),
    _setting("transport", "text", "ssh"),
    _setting("vault_id_match", "bool", False),
    _setting("vault_encrypt_identity", "text", ""),
    _setting("vault_identity", "text", "default"),
    _setting("vault_identity_list", "list", ()),
    _setting("vault_password_file", "path", ""),
    _setting("verbosity", "int", 0),
)

# They choose how Ansible itself works or looks; a run here is the same without them.
IGNORED_VARIABLES = frozenset(
    f"ANSIBLE_{name}"
    for name in name_set(
        "ACTION_WARNINGS AGNOSTIC_BECOME_PROMPT CALLBACKS_ENABLED "
        "COMMAND_WARNINGS CONFIG CONTROL_PATH CONTROL_PATH_DIR COW_SELECTION DEBUG "
        "DEPRECATION_WARNINGS DEVEL_WARNING HOME JINJA2_NATIVE LOAD_CALLBACK_PLUGINS LOCAL_TEMP "
        "LOCAL_TMP NOCOWS PARAMIKO_HOST_KEY_AUTO_ADD PIPELINING PLAYBOOK_DIR REMOTE_TEMP "
        "REMOTE_TMP SCP_IF_SSH "
        "SSH_PIPELINING SSH_TRANSFER_METHOD STDOUT_CALLBACK SYSTEM_WARNINGS "
        "USE_PERSISTENT_CONNECTIONS"
    )
)
# They name folders of plugins, which matter when there are such folders.
PLUGIN_FOLDERS = frozenset(
    f"ANSIBLE_{name}"
    for name in name_set(
        "ACTION_PLUGINS BECOME_PLUGINS CACHE_PLUGINS CALLBACK_PLUGINS CLICONF_PLUGINS "
        "CONNECTION_PLUGINS DOC_FRAGMENT_PLUGINS FILTER_PLUGINS HTTPAPI_PLUGINS INVENTORY_PLUGINS "
        "LIBRARY LOOKUP_PLUGINS MODULE_UTILS NETCONF_PLUGINS STRATEGY_PLUGINS TERMINAL_PLUGINS "
        "TEST_PLUGINS VARS_PLUGINS"
    )
)
_IGNORED = {
    "defaults": "action_warnings agnostic_become_prompt ansible_managed "
    "allow_world_readable_tmpfiles bin_ansible_callbacks callback_enabled callback_whitelist "
    "callbacks_enabled command_warnings cow_selection deprecation_warnings devel_warning home "
    "internal_poll_interval jinja2_native local_tmp module_compression nocows pipelining "
    "remote_tmp stdout_callback system_warnings use_persistent_connections",
    "ssh_connection": "control_path control_path_dir pipelining scp_if_ssh sftp_batch_mode "
    "transfer_method usetty",
    "connection": "pipelining",
    "privilege_escalation": "agnostic_become_prompt",
}
IGNORED_KEYS = frozenset(
    (section, name) for section, names in _IGNORED.items() for name in name_set(names)
)
