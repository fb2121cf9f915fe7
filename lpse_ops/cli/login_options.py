"""Flags for logging in to a host, by ansible-playbook's names: of ``playbook run`` and of a pull.

Imports click alone: a backup of this machine loads it, too.
"""

import click

PRIVATE_KEY = click.option(
    "--private-key",
    "--key-file",
    "private_key",
    metavar="FILE",
    help="File with the key to log in with.",
)
SSH_COMMON_ARGS = click.option(
    "--ssh-common-args", metavar="ARGS", help="More arguments for OpenSSH."
)
BECOME_USER = click.option("--become-user", metavar="NAME", help="The user to become.")
ASK_BECOME_PASS = click.option(
    "-K", "--ask-become-pass", is_flag=True, help="Ask for the password that becoming needs."
)
BECOME_PASSWORD_FILE = click.option(
    "--become-password-file",
    "--become-pass-file",
    "become_password_file",
    metavar="FILE",
    help="File with that password.",
)
ASK_PASS = click.option("-k", "--ask-pass", is_flag=True, help="Ask for the login password.")
CONNECTION_PASSWORD_FILE = click.option(
    "--connection-password-file",
    "--conn-pass-file",
    "connection_password_file",
    metavar="FILE",
    help="File with the login password.",
)
