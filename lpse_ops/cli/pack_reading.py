"""Reading packs in a pool of processes, with a bar that shows how far it is."""

from typing import TYPE_CHECKING

from lpse_ops.cli.console import ProgressBar

if TYPE_CHECKING:
    from lpse_ops.backup.readworker import MakeHandler


def load_handler() -> "MakeHandler":
    """For a ``ReadPool``; imported in its processes."""
    from lpse_ops.backup.packproof import proving_handler

    return proving_handler


class Reading:
    """A progress bar that is told the total when the packs are known."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def expect(self, total_bytes: int) -> None:
        self._bar.update(total=total_bytes)

    def advance(self, size_bytes: int) -> None:
        self._bar.advance(size_bytes)
