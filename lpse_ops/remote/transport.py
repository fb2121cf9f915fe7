"""What a connection must offer: programs on a host with a byte stream each way."""

from typing import Protocol

from lpse_ops.errors import HostUnreachable


class SessionRefused(HostUnreachable):
    """The host lets no more programs run over this connection; those that do run go on."""


class Transport(Protocol):
    """One running program on a host; ``OSError`` from any method means the stream is lost.

    ``send`` and ``receive`` are called by different threads, each by one at a time; all else by any
    thread at any time.
    """

    def send(self, content: bytes | memoryview) -> None:
        """Write everything to the program's input; waits while the other side does not read.

        What was given may be changed afterwards.
        """
        ...

    def end_input(self) -> None:
        """Close the program's input; what was sent before still arrives."""
        ...

    def receive(self, timeout_seconds: float) -> bytes | None:
        """Return some of its output: empty at its end, None when nothing came in time."""
        ...

    def errors(self) -> bytes:
        """The last few KiB of what the program wrote to its stderr until now."""
        ...

    def status(self, timeout_seconds: float) -> int | None:
        """Exit status once the output has ended; negative for a signal, None if not known."""
        ...

    def close(self) -> None:
        """End the program, if it still runs, and free everything; may be called twice.

        Who waits in ``send`` or ``receive`` is set free.
        """
        ...


class Connection(Protocol):
    """A way to one host, over which programs are started; closing it ends them all."""

    def start(self, command: str) -> Transport:
        """Start a command line in the login shell there; raises ``HostUnreachable``."""
        ...

    def close(self) -> None:
        """Close the connection; may be called twice."""
        ...
