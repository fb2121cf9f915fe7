"""The machine's lock for a command that a person typed, as the timer's jobs take it."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lpse_ops.cli.run_lock import hold_run_lock
from lpse_ops.errors import OpsError, RepositoryLocked

if TYPE_CHECKING:
    from lpse_ops.cli.wiring import App


@contextlib.contextmanager
def run_alone(app: "App", job: str, started: datetime, retry_for: timedelta) -> Iterator[None]:
    """Hold the lock for the block, and record the job before if it was killed.

    ``RepositoryLocked`` says who else is at work.  Where no lock can be had at all, the backup is
    more important: the repository has locks of its own.
    """
    with contextlib.ExitStack() as held:
        try:
            lock = held.enter_context(
                hold_run_lock(
                    app.state_folder,
                    job,
                    started,
                    environment=app.environment,
                    retry_for=retry_for,
                )
            )
        except RepositoryLocked:
            raise
        except OpsError as error:
            app.console.warn(f"a second run would not be noticed: {error.message}; {error.hint}")
        else:
            if lock.died is not None:
                from lpse_ops.cli.status_follow_up import record_death

                record_death(app, lock.died)
        yield
