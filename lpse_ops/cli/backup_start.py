"""The start of a backup to one place: its repository opened and locked.

Where nothing is stored yet, the backup of this machine's files begins meanwhile.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from lpse_ops.backup.laterepository import LateRepository
from lpse_ops.backup.locking import hangup_ignored, hold_lock
from lpse_ops.backup.repository import Repository

if TYPE_CHECKING:
    from lpse_ops.backup.firstfiles import FirstLook
    from lpse_ops.cli.repository_access import Opening


@contextlib.contextmanager
def locked_for_backup(
    opening: "Opening", look: "FirstLook", retry_lock: timedelta, *, may_be_late: bool
) -> Iterator[Repository | LateRepository]:
    """Hold a lock for the time of the block, which begins before it is there if that may be."""

    def open_and_lock(held: contextlib.ExitStack) -> Repository:
        repository = opening.finish()
        repository.ensure_writable()
        saw_none = not look.has_locks()
        held.enter_context(
            hold_lock(repository, retry_for=retry_lock, read_meanwhile=True, saw_none=saw_none)
        )
        return repository

    # A lock may have to be waited for: who is interrupted then ends at once, and reads no files
    # that are old when they are stored.
    if may_be_late and look.is_new() and not look.has_locks():
        with hangup_ignored(), LateRepository(opening.backend, open_and_lock) as late:
            yield late
    else:
        with contextlib.ExitStack() as held:
            yield open_and_lock(held)
