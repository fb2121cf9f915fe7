"""Warnings of a run on standard error: each once, begun and placed as Ansible's are."""

from collections.abc import Callable
from threading import Lock
from typing import TextIO

from lpse_ops.cli.output import printable
from lpse_ops.cli.playbook_display import source_lines
from lpse_ops.marked import Origin

_PURPLE, _RESET = "\x1b[1;35m", "\x1b[0m"


class Warnings:
    """Any thread may tell.  ``mask`` takes out secrets, as soon as somebody knows them.

    ``has_color`` is for a terminal.
    """

    def __init__(self, stream: TextIO, mask: Callable[[str], str] = str) -> None:
        self.mask = mask
        self.has_color = False
        self.stream = stream
        self._lock = Lock()
        self._told: set[str] = set()

    def __call__(self, message: str, origin: Origin | None = None) -> None:
        text = f"[WARNING]: {printable(self.mask(message))}\n"
        if origin is not None:
            lines = [f"Origin: {printable(str(origin))}", "", *source_lines(origin), ""]
            text += self.mask("".join(f"{line}\n" for line in lines))
        with self._lock:
            if text not in self._told:
                self._told.add(text)
                self.stream.write(f"{_PURPLE}{text[:-1]}{_RESET}\n" if self.has_color else text)
                self.stream.flush()
