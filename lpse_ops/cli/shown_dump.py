"""A dump on its way into a server, shown on a progress bar."""

from lpse_ops.cli.console import ProgressBar
from lpse_ops.postgres.restore import DumpWriter


class ShownDump:
    """Passes a dump on and shows how far it is."""

    def __init__(self, writer: DumpWriter, bar: ProgressBar) -> None:
        self._writer = writer
        self._bar = bar

    def write(self, content: bytes, /) -> int:
        self._bar.advance(len(content))
        return self._writer.write(content)
