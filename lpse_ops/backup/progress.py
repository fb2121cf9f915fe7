"""How long work tells whoever watches how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Called from the thread that runs the command, or from several: it must not mind."""

    def advance(self, size_bytes: int) -> None: ...


class ExpectingProgress(Progress, Protocol):
    """Also told, once it is known, about how many bytes there will be."""

    def expect(self, total_bytes: int) -> None: ...


class Silent:
    """Nobody watches."""

    def expect(self, total_bytes: int) -> None:
        """Nothing to draw."""

    def advance(self, size_bytes: int) -> None:
        """Nothing to draw."""


SILENT = Silent()
