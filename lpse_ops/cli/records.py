"""Writes what a backup command did into the ledger.

Only what is done with a destination of the settings is recorded: a repository that ``--repo``
names belongs to nobody's register.  A ledger that cannot be written is told and spoils nothing:
the backup is there.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError


def record(app: App, kind: str, facts: Mapping[str, Any]) -> bool:
    """Append a record and sign a checkpoint over it; false, and told, if there is no record."""
    if not _append(app, kind, facts):
        return False
    sign(app)
    return True


def sign(app: App) -> None:
    """Sign what the log holds; what cannot be signed now is signed with the next record."""
    try:
        app.ledger.checkpoint()
    except (OpsError, OSError) as error:
        app.console.warn(f"this is recorded in the log, but not signed: {_words(error)}")


def record_begin(app: App, run: str, started: datetime) -> None:
    """Say that a run begins: one that is killed leaves this and no end."""
    _append(app, "begin", {"run": run, "started": started.isoformat()})


def record_of_chosen(app: App, kind: str, facts: Mapping[str, Any]) -> None:
    """The same for a command that worked on one destination; nothing beside ``--repo``."""
    if app.chosen is not None:
        record(app, kind, {"destination": app.chosen.name, **facts})


def _append(app: App, kind: str, facts: Mapping[str, Any]) -> bool:
    try:
        app.ledger.append(kind, facts)
    except (OpsError, OSError, ValueError) as error:
        app.console.warn(f"this is not recorded in the log: {_words(error)}")
        return False
    return True


def _words(error: Exception) -> str:
    return f"{error.message}; {error.hint}" if isinstance(error, OpsError) else str(error)
