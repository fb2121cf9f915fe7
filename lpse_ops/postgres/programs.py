"""What a PostgreSQL program's end means, in our words."""

import re

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import Database
from lpse_ops.process import Finished

_LAST_LINES = 6
# Rows, and whole statements, which may hold passwords (of a user mapping, of a subscription).
_CONTENT = re.compile(
    r"^(?:Command was|DETAIL|CONTEXT|STATEMENT):.*?(?=^pg_\w+: |\Z)", re.MULTILINE | re.DOTALL
)
_BEGINNING = re.compile(r"^pg_\w+: ", re.MULTILINE)
_HINTS = (
    (
        "permission denied|must be owner|must be superuser|must be member|must be able to SET ROLE",
        "use a superuser (postgresql://postgres@/NAME), or the owner of the database",
    ),
    (
        "lock timeout|statement timeout|could not obtain lock",
        "somebody changes a table at this time of day; choose another hour, or see who:"
        " SELECT * FROM pg_locks WHERE NOT granted",
    ),
    (
        "unsupported version|transaction_timeout",
        "dump and restore with the PostgreSQL version of the server: install"
        " postgresql-client-NN of its major version",
    ),
    (
        'role ".*" does not exist',
        "restore the globals of the backup first: they hold the roles",
    ),
    (
        "extension .* is not available|could not open extension control file|could not access file",
        "install on this server the extension packages that the original server has",
    ),
    ("No space left on device", "make room on the server's disk"),
    (
        "server closed the connection|terminating connection|connection to server",
        "see the server's log (journalctl -u postgresql) for why the connection ended",
    ),
    (
        "end of file|input file is too short|does not appear to be a valid archive|out-of-order",
        "the dump is cut off or damaged: check the backup, or restore an older one",
    ),
)


def program_failed(program: str, database: Database, finished: Finished) -> PostgresError:
    """The error for a program that did not end well, with its last words but no content."""
    if finished.status < 0:
        ending = f"was ended by signal {-finished.status}"
    else:
        ending = f"failed with status {finished.status}"
    words = _without_secret(finished.stderr, database.password)
    last = " / ".join(_without_content(words).strip().splitlines()[-_LAST_LINES:])
    hint = next(
        (hint for pattern, hint in _HINTS if re.search(pattern, words)),
        "is the machine short of memory, or was it killed?  run the command again",
    )
    return PostgresError(
        f"{program} of {database.name} {ending}: {last or 'no message'}", hint=hint
    )


def _without_content(words: str) -> str:
    # Only the end is kept of what a program says: it may begin in the midst of a statement.
    beginning = _BEGINNING.search(words)
    return _CONTENT.sub("", words[beginning.start() if beginning else 0 :])


def _without_secret(text: str, secret: str | None) -> str:
    return text.replace(secret, "***") if secret else text
