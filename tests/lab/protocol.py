"""Asking the keeper of a lab: one JSON line there, one back, over a Unix socket."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class LabError(Exception):
    """The lab cannot do what was asked."""


def ask(path: Path, call: str, **arguments: Any) -> Any:
    """Return the answer; ``LabError`` with the keeper's words when there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        with connection.makefile("rw") as stream:
            stream.write(json.dumps([call, arguments]) + "\n")
            stream.flush()
            line = stream.readline()
    if not line:
        raise LabError(f"the keeper of the lab ended during {call}: see {path.parent}/keeper.log")
    answer, problem = json.loads(line)
    if problem is not None:
        raise LabError(problem)
    return answer


class Server:
    """Answers calls, each in a thread of its own, until the call ``last`` is answered."""

    def __init__(self, path: Path, calls: Mapping[str, Callable[..., Any]], *, last: str) -> None:
        self._calls = calls
        self._last = last
        self._ended = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        # Under its own name only once it listens.
        young = path.with_suffix(".new")
        self._listener.bind(str(young))
        self._listener.listen(64)
        young.rename(path)

    def serve(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()
        self._ended.wait()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        # Who only looks whether we are there says nothing.  Who asked may have gone.
        with connection, contextlib.suppress(OSError), connection.makefile("rw") as stream:
            if question := stream.readline():
                call, arguments = json.loads(question)
                stream.write(json.dumps(self._call(call, arguments)) + "\n")
                stream.flush()
                if call == self._last:
                    self._ended.set()

    def _call(self, call: str, arguments: Mapping[str, Any]) -> tuple[Any, str | None]:
        try:
            return self._calls[call](**arguments), None
        except Exception as error:
            return None, str(error) if isinstance(error, LabError) else f"{call}: {error!r}"
