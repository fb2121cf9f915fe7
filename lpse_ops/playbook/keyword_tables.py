"""Which keyword may stand where: Ansible's tables, each name with the kind of its value."""

from lpse_ops.playbook.actions_table import name_set

_BASE = {
    "name": "text",
    "any_errors_fatal": "bool",
    "become": "bool",
    "become_exe": "text",
    "become_flags": "text",
    "become_method": "text",
    "become_user": "text",
    "check_mode": "bool",
    "collections": "list",
    "connection": "text",
    "debugger": "text",
    "diff": "bool",
    "environment": "maps",
    "ignore_errors": "bool",
    "ignore_unreachable": "bool",
    "module_defaults": "maps",
    "no_log": "bool",
    "port": "int",
    "remote_user": "text",
    "run_once": "bool",
    "tags": "tags",
    "throttle": "int",
    "timeout": "int",
    "vars": "map",
}
_DELEGATION = {"delegate_to": "text", "delegate_facts": "bool"}
PLAY = {
    **_BASE,
    "fact_path": "text",
    "force_handlers": "bool",
    "gather_facts": "bool",
    "gather_subset": "list",
    "gather_timeout": "int",
    "handlers": "nodes",
    "hosts": "hosts",
    "max_fail_percentage": "percent",
    "order": "text",
    "post_tasks": "nodes",
    "pre_tasks": "nodes",
    "roles": "nodes",
    "serial": "serial",
    "strategy": "text",
    "tasks": "nodes",
    "user": "text",
    "vars_files": "list",
    "vars_prompt": "any",
}
ROLE = {**_BASE, **_DELEGATION, "when": "condition"}
BLOCK = {
    **ROLE,
    "always": "nodes",
    "block": "nodes",
    "notify": "list",
    "rescue": "nodes",
}
TASK = {
    **ROLE,
    "action": "any",
    "args": "any",
    "async": "int",
    "changed_when": "condition",
    "delay": "float",
    "failed_when": "condition",
    "local_action": "any",
    "loop": "any",
    "loop_control": "map",
    "notify": "list",
    "poll": "int",
    "register": "variable",
    "retries": "int",
    "until": "condition",
}
HANDLER = {**TASK, "listen": "list"}
INCLUDE = {
    name: TASK[name]
    for name in name_set(
        "action args collections debugger ignore_errors loop loop_control name no_log "
        "register run_once tags timeout vars when"
    )
}
HANDLER_INCLUDE = {**INCLUDE, "listen": "list"}
IMPORT_PLAYBOOK = {
    **{name: kind for name, kind in _BASE.items() if name != "collections"},
    "import_playbook": "text",
    "when": "condition",
}
LOOP_CONTROL = {
    "break_when": "condition",
    "extended": "bool",
    "extended_allitems": "bool",
    "index_var": "variable",
    "label": "any",
    "loop_var": "variable",
    "pause": "float",
}
PROMPT = name_set("name prompt default private confirm encrypt salt salt_size unsafe")
# Keywords of Ansible that nothing here carries out.
UNSUPPORTED = {
    "debugger": "run the play with --step instead",
}
# Keywords that choose a plugin or a way: the ones there are, by their short names.
CHOICES = {
    "become_method": frozenset({"sudo", "su"}),
    "connection": frozenset({"local", "openssh", "paramiko", "paramiko_ssh", "smart", "ssh"}),
    "order": name_set("inventory sorted reverse_sorted reverse_inventory shuffle"),
    "strategy": frozenset({"linear", "free", "host_pinned"}),
}
LOOPS = name_set(
    "items list dict together nested cartesian subelements sequence first_found fileglob "
    "indexed_items flattened random_choice inventory_hostnames lines vars varnames env file "
    "template pipe url ini password"
)
