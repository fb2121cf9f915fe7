"""What a host may not say: a result comes from a machine that may be in anybody's hands.

Names that decide how the next task reaches a host, or what the engine itself means by a word, are
taken out of facts; keys of our own are taken out of results.
"""

import re
from collections.abc import Mapping
from typing import Any

# How a host is reached and as whom (``targets``), whatever the connection.
_REACHING = re.compile(
    r"ansible_(connection|host|port|user|password|pass|timeout|private_key_file|executable"
    r"|host_key_checking|pipelining|remote_\w+"
    r"|(become|ssh|sudo|su|paramiko|local|shell|winrm|psrp|docker|network|async)(_\w+)?"
    r"|\w+_interpreter)"
)
# Words of the engine and of its templates.
_RESERVED = frozenset(
    [
        "omit",
        "lookup",
        "query",
        "q",
        "now",
        "undef",
        "vars",
        "hostvars",
        "groups",
        "group_names",
        "inventory_hostname",
        "inventory_hostname_short",
        "inventory_dir",
        "inventory_file",
        "playbook_dir",
        "role_name",
        "role_names",
        "role_path",
        "play_hosts",
        "environment",
        "ansible_facts",
        "ansible_check_mode",
        "ansible_diff_mode",
        "ansible_forks",
        "ansible_inventory_sources",
        "ansible_limit",
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "ansible_play_name",
        "ansible_playbook_python",
        "ansible_role_name",
        "ansible_role_names",
        "ansible_run_tags",
        "ansible_search_path",
        "ansible_skip_tags",
        "ansible_verbosity",
        "ansible_version",
    ]
)
# Found by ``setup`` itself, and of no use to reach a host.
_HARMLESS = frozenset({"ansible_local", "ansible_user_id", "discovered_interpreter_python"})
_HOST_KEY = re.compile(r"ansible_ssh_host_key_\w+_public(_keytype)?")


def is_safe_fact(name: str) -> bool:
    """Whether a fact may be a variable under its own name."""
    if name in _HARMLESS or _HOST_KEY.fullmatch(name):
        return True
    if name.startswith("_ansible_"):
        return False
    return name not in _RESERVED and not _REACHING.fullmatch(name)


def safe_facts(facts: Mapping[Any, Any]) -> dict[str, Any]:
    """Those that may be variables."""
    return {str(name): value for name, value in facts.items() if is_safe_fact(str(name))}


def without_our_keys(result: Mapping[str, Any]) -> dict[str, Any]:
    """A host's result without keys that begin with an underscore: they are the engine's."""
    return {str(key): value for key, value in result.items() if not str(key).startswith("_")}
