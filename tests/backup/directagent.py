"""An agent without a line: runs the real module in this process, counts, and may be made to lie."""

import io
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from lpse_ops.agent.context import Context, InlineIncoming
from lpse_ops.agent.modules import _backup_source
from lpse_ops.backup.hosttalk import Taker

_PIECE_BYTES = 1 << 18
# Told what is asked, what came as content and the result; says what the controller gets instead.
Tamper = Callable[[str, bytes, dict[str, Any]], tuple[bytes, dict[str, Any]]]


class DirectAgent:
    """``before`` is told each question before it is answered, ``while_sending`` a file begun."""

    name = "server"

    def __init__(
        self,
        *,
        tamper: Tamper = lambda _what, content, result: (content, result),
        before: Callable[[str, bytes], None] = lambda _what, _request: None,
        while_sending: Callable[[], None] = lambda: None,
    ) -> None:
        self.questions: Counter[str] = Counter()
        self.waits = 0
        self.received_bytes = 0
        self.tamper = tamper
        self.before = before
        self.while_sending = while_sending

    def ask(
        self, what: str, request: bytes, taker: Taker, limits: Mapping[str, int]
    ) -> "_Question":
        self.questions[what] += 1
        return _Question(self, what, request, taker, limits)


class _Question:
    """Answered when somebody waits for it, as the line allows it at the latest."""

    def __init__(
        self,
        agent: DirectAgent,
        what: str,
        request: bytes,
        taker: Taker,
        limits: Mapping[str, int],
    ) -> None:
        self._agent = agent
        self._what = what
        self._request = request
        self._taker = taker
        self._limits = limits
        self._pieces: deque[bytes] = deque()
        self._result: dict[str, Any] | None = None

    def result(self) -> dict[str, Any]:
        while (result := self.step()) is None:
            pass
        return result

    def step(self) -> dict[str, Any] | None:
        if self._result is None:
            self._answer()
        if self._pieces:
            self._taker.write(self._pieces.popleft())
            return None
        return self._result

    def _answer(self) -> None:
        agent = self._agent
        agent.waits += 1
        agent.before(self._what, self._request)
        sent = io.BytesIO()

        def send(file: Any) -> int:
            while piece := file.read(_PIECE_BYTES):
                sent.write(piece)
                if self._what == "file":
                    agent.while_sending()
            return sent.tell()

        args = {"_what": self._what, "_entries": 0, "_bytes": 0, "_follow": False}
        context = Context(incoming=InlineIncoming(self._request), send=send)
        result = _backup_source.run({**args, "_one_file_system": False, **self._limits}, context)
        content, self._result = agent.tamper(self._what, sent.getvalue(), result)
        agent.received_bytes += len(content)
        self._pieces.extend(
            content[start : start + _PIECE_BYTES] for start in range(0, len(content), _PIECE_BYTES)
        )
