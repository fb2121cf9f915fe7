"""Options of the commands that reach SPSE servers by an inventory; click alone is imported."""

# Of playbook run: how hosts are reached.
LOGIN_NAMES = (
    "extra_vars",
    "user",
    "connection",
    "private_key",
    "timeout",
    "ssh_common_args",
    "ssh_extra_args",
    "become_method",
    "become_user",
    "ask_become_pass",
    "become_password_file",
    "ask_pass",
    "connection_password_file",
    "verbosity",
)
