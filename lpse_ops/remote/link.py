"""The link to one agent: tasks go out in frames, several at a time, and results come back.

Thread-safe.  One thread of its own reads; it also beats, so that both sides know of each other, and
gives the host up when it was silent for too long.  Nothing is ever sent twice.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from lpse_ops.agent import frames
from lpse_ops.errors import HostUnreachable, InterpreterMissing
from lpse_ops.remote.bootstrap import Hello, greet
from lpse_ops.remote.content import Content
from lpse_ops.remote.pending import NEEDS_FAILED, Pending, broken
from lpse_ops.remote.receivers import Receiver, Receivers
from lpse_ops.remote.request import (
    DEFAULT_OPTIONS,
    Item,
    RunOptions,
    Unsendable,
    cut_into_batches,
    encode_request,
    render_item,
    render_options,
)
from lpse_ops.remote.sources import module_sources
from lpse_ops.remote.transport import Transport

BEAT_SECONDS = 10.0
MISSED_BEATS = 3
_CLOSE_SECONDS = 3.0


class AgentLink:
    """The controller's end of one agent; ``close`` ends the agent and all that it runs.

    Tasks may be sent before the agent has said hello; if it never does, their result is the
    ``HostUnreachable`` that says why; ``python`` is the interpreter that was asked for.
    ``frames_sent`` and ``frames_received`` leave out beats and the hello.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        magic: bytes,
        timeout_seconds: float,
        beat_seconds: float = BEAT_SECONDS,
        sources: Callable[[str], Mapping[str, bytes]] = module_sources,
        python: str = "",
    ) -> None:
        self.name = name
        self.frames_sent = 0
        self.frames_received = 0
        self._transport = transport
        self._hello: Hello | None = None
        self._greeted = threading.Event()
        self._beat_seconds = beat_seconds
        self._sources = sources
        self._numbers = itertools.count(1)
        self._sending = threading.Lock()
        self._receivers = Receivers()
        self._known_sources: set[str] = set()
        self._when_closed: list[Callable[[], None]] = []
        self._reader = threading.Thread(
            target=self._read,
            args=(magic, timeout_seconds, python),
            name=f"agent of {name}",
            daemon=True,
        )
        self._reader.start()

    @property
    def hello(self) -> Hello:
        """What the agent says of its host, once it has; ``HostUnreachable`` if it never does."""
        self._greeted.wait()
        if self._hello is None:
            raise self._receivers.lost or broken(self.name, "no agent")
        return self._hello

    def run(
        self,
        module: str,
        args: Mapping[str, Any],
        *,
        options: RunOptions = DEFAULT_OPTIONS,
        content: Content | None = None,
        save_to: BinaryIO | None = None,
    ) -> dict[str, Any]:
        """Run a module and wait for its result; see ``submit``."""
        return self.submit(module, args, options=options, content=content, save_to=save_to).result()

    def submit(
        self,
        module: str,
        args: Mapping[str, Any],
        *,
        options: RunOptions = DEFAULT_OPTIONS,
        content: Content | None = None,
        save_to: BinaryIO | None = None,
        after: Pending | None = None,
        needs: Sequence[Pending] = (),
    ) -> Pending:
        """Send a task and come back at once; see ``submit_items``."""
        items = [Item(args, content, save_to)]
        return self.submit_items(module, items, options=options, after=after, needs=needs)[0]

    def submit_items(
        self,
        module: str,
        items: Sequence[Item],
        *,
        options: RunOptions = DEFAULT_OPTIONS,
        after: Pending | None = None,
        needs: Sequence[Pending] = (),
    ) -> list[Pending]:
        """Send the items of a loop in one frame; they run one after the other, whatever happens.

        They begin when ``after`` was answered (else at once), and only if all of ``needs`` went
        well on the host; otherwise their ``was_run`` is False.  ``HostUnreachable`` means that
        nothing was sent.
        """
        sources = self._sources(module)
        pending: list[Pending] = []
        for batch in cut_into_batches(items):
            before = pending[-1] if pending else after
            pending += self._submit_batch(module, sources, batch, options, before, needs)
        return pending

    def send(
        self,
        kind: int,
        number: int,
        header: dict[str, Any],
        segments: tuple[bytes, ...] = (),
        *,
        compress: bool = True,
    ) -> None:
        """Send one frame."""
        self.send_frame(frames.encode(kind, number, header, segments, compress=compress))

    def send_frame(self, frame: bytes | memoryview) -> None:
        """Send a frame that is one already; it may be changed afterwards."""
        with self._sending:
            self._write(frame)
            self.frames_sent += 1

    def start_program(self, argv: Sequence[str], receiver: Receiver, *, on_terminal: bool) -> int:
        """Start a program whose bytes are passed on; return its number."""
        number = next(self._numbers)
        self._receivers.register({number: receiver})
        self.send(frames.START, number, {"argv": list(argv), "on_terminal": on_terminal})
        return number

    def forget(self, number: int) -> None:
        """Drop whatever still comes for a number."""
        self._receivers.forget(number)

    def lose(self, reason: str) -> HostUnreachable:
        """Give the host up: everything under way fails, and nothing is sent any more."""
        return self._receivers.lose(broken(self.name, reason))

    @property
    def is_lost(self) -> bool:
        return self._receivers.lost is not None

    @property
    def has_no_python(self) -> bool:
        """Whether there never was an agent because its interpreter is missing."""
        return isinstance(self._receivers.lost, InterpreterMissing)

    def close(self) -> None:
        """End the agent; what it still runs is killed there.  May be called twice."""
        with contextlib.suppress(OSError, HostUnreachable):
            self._transport.end_input()
        if self._reader is not threading.current_thread():
            self._reader.join(_CLOSE_SECONDS)
        self._transport.close()
        self.lose("the connection was closed")
        while self._when_closed:
            self._when_closed.pop()()

    def when_closed(self, action: Callable[[], None]) -> None:
        """Do something after the link was closed, once."""
        self._when_closed.append(action)

    def _submit_batch(
        self,
        module: str,
        sources: Mapping[str, bytes],
        items: Sequence[Item],
        options: RunOptions,
        after: Pending | None,
        needs: Sequence[Pending],
    ) -> list[Pending]:
        pending = [Pending(self, next(self._numbers), item.content, item.save_to) for item in items]
        if not all(each.was_sent for each in needs):
            return _resolve(pending, NEEDS_FAILED)
        entries, inline = [], []
        for each, item in zip(pending, items, strict=True):
            entry, piece = render_item(each.number, item)
            entries.append(entry)
            inline += piece
        header = render_options(options) | {
            "module": module,
            "items": entries,
            "after": after.number if after else None,
            "needs": [each.number for each in needs],
        }
        self._receivers.register({each.number: each for each in pending})
        try:
            self._send_request(header, sources, inline)
        except Unsendable as error:
            for each in pending:
                self.forget(each.number)
            return _resolve(pending, {"failed": True, "changed": False, "msg": str(error)})
        return pending

    def _send_request(
        self, header: dict[str, Any], sources: Mapping[str, bytes], inline: list[bytes]
    ) -> None:
        """Send a request, with those sources along that the agent does not have."""
        # The lock keeps the order: sources go before the first request that relies on them.
        with self._sending:
            new = [name for name in sources if name not in self._known_sources]
            segments = [*(sources[name] for name in new), *inline]
            self._write(encode_request(header | {"sources": new}, segments))
            self.frames_sent += 1
            self._known_sources.update(new)

    def _write(self, raw: bytes | memoryview) -> None:
        if self._receivers.lost:
            raise self._receivers.lost
        try:
            self._transport.send(raw)
        except OSError as error:
            # If no agent was ever there, the reader finds out why.
            self._greeted.wait(_CLOSE_SECONDS)
            raise self._receivers.lose(self._describe(error)) from error

    def _read(self, magic: bytes, timeout_seconds: float, python: str) -> None:
        """Read from the agent's first word to its last; runs in a thread of its own."""
        try:
            greeting = greet(self._transport, self.name, magic, timeout_seconds, python)
            self._hello = greeting.hello
            self._greeted.set()
            self._deliver(greeting.frames)
            self.lose(self._read_to_end(greeting.decoder))
        except HostUnreachable as error:
            self._receivers.lose(error)
        except Exception as error:
            # Whatever it was: nobody reads any more, and nobody may wait for this thread.
            self._receivers.lose(self._describe(error))
        finally:
            self._greeted.set()
        # A sender may hang in the dead connection; this sets it free.
        with contextlib.suppress(OSError, HostUnreachable):
            self._transport.close()

    def _describe(self, error: Exception) -> HostUnreachable:
        """What broke: our own line, or the one that it runs over, which says it itself."""
        cause = error.__cause__
        if isinstance(cause, HostUnreachable):
            return cause
        reason = f" ({error})" if str(error) else ""
        return broken(self.name, f"the connection broke{reason}")

    def _read_to_end(self, decoder: frames.Decoder) -> str:
        """Pass frames on until there are no more; return why."""
        heard = beaten = time.monotonic()
        decoder.feed(b"")
        while True:
            received = self._transport.receive(self._beat_seconds)
            now = time.monotonic()
            if received == b"":
                return "the agent has ended"
            if received:
                heard = now
                self._deliver(decoder.feed(received))
                # What is broken behind these frames raises now.
                decoder.feed(b"")
            elif now - heard > self._beat_seconds * MISSED_BEATS:
                return f"no sign of life for {now - heard:.0f} seconds"
            if now - beaten >= self._beat_seconds:
                beaten = now
                self._beat()

    def _deliver(self, arrived: Sequence[frames.Frame]) -> None:
        for frame in arrived:
            self.frames_received += frame.kind != frames.BEAT
            self._receivers.deliver(frame)

    def _beat(self) -> None:
        # Whoever is sending right now is as good as a beat; the reader must never wait for him.
        if self._sending.acquire(blocking=False):
            try:
                self._write(frames.encode(frames.BEAT, 0, {}))
            finally:
                self._sending.release()


def _resolve(pending: list[Pending], result: Mapping[str, Any]) -> list[Pending]:
    """Give all of them the same result, which no host has said."""
    for each in pending:
        each.resolve(dict(result))
    return pending
