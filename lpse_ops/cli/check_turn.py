"""Which destination the timer checks now: of those that answer, the one that waits longest."""

from lpse_ops.backup.checkturn import Turn, plan_turns
from lpse_ops.backup.statusfacts import read_history
from lpse_ops.cli.destination_access import named_destination, prepare_to_ask
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, RepositoryMissing, StorageError, UsageError


def choose_turn(app: App) -> Turn:
    """Where none answers, the first: its check fails, and says why."""
    try:
        checks = read_history(app.ledger.records("check")).checks
    except LedgerError as error:
        app.console.warn(error.message)
        checks = ()
    turns = plan_turns([each.name for each in app.settings.backup.destinations], checks)
    if not turns:
        raise UsageError(
            f"{app.settings.file} names no destination to check",
            hint="fill in backup.destinations, then try: lpse-ops backup",
        )
    for turn in turns:
        try:
            prepare_to_ask(app, named_destination(app, turn.destination), for_reading=True)()
        except (StorageError, RepositoryMissing):
            continue
        return turn
    return turns[0]
