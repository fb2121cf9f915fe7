"""A user who asks for a page all the time, and tells when there was no good answer.

    with polling("https://lpse.contoh.go.id/eproc4/login", host.address, "User ID") as poll:
        ...
        assert sum(outage.seconds for outage in poll.report().outages) < 60

In a process of its own, so that a busy test does not look like a site that is down.  Requests
begin every 10 ms whether or not those before were answered; connections are kept.
"""

import asyncio
import bisect
import contextlib
import json
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_PROJECT = Path(__file__).parents[2]
_MOST_AT_A_TIME = 200


class Sample(NamedTuple):
    """``said`` is empty for a good answer, else the status or the trouble."""

    begun: float
    ended: float
    said: str


class Outage(NamedTuple):
    """From the begin of the first request that failed to the first good answer to a later one.

    Times are of the clock that ``time.time`` reads; ``said`` counts what came instead.
    """

    begun: float
    ended: float
    said: dict[str, int]
    is_over: bool

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


class Report(NamedTuple):
    good: int
    bad: int
    outages: list[Outage]
    longest_answer: float

    @property
    def downtime(self) -> float:
        return sum(outage.seconds for outage in self.outages)


class Poll:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def report(self) -> Report:
        """What was seen until now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        good, bad, outages, longest = json.loads(self._process.stdout.readline())
        return Report(good, bad, [Outage(*each) for each in outages], longest)


@contextlib.contextmanager
def polling(
    url: str, address: str, text: str, *, interval: float = 0.01, timeout: float = 2
) -> Iterator[Poll]:
    """Ask for a page at an address until the end of the block; good is 200 with the text."""
    question = Question(url, address, text, interval, timeout)
    argv = [sys.executable, "-m", "tests.spselab.polling", json.dumps(asdict(question))]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_PROJECT
    )
    with process:
        try:
            poll = Poll(process)
            poll.report()
            yield poll
        finally:
            process.kill()


def find_outages(samples: list[Sample], now: float) -> list[Outage]:
    """``samples`` may come in any order."""
    good = sorted((each.begun, each.ended) for each in samples if not each.said)
    begins = [begun for begun, _ in good]
    # The first answer to any request that begins then or later.
    first_after = [ended for _, ended in good]
    for at in reversed(range(len(good) - 1)):
        first_after[at] = min(first_after[at], first_after[at + 1])
    outages: list[Outage] = []
    for bad in sorted(each for each in samples if each.said):
        if outages and (bad.begun < outages[-1].ended or not outages[-1].is_over):
            outages[-1].said.update(Counter(outages[-1].said) + Counter([bad.said]))
            continue
        at = bisect.bisect_right(begins, bad.begun)
        is_over = at < len(good)
        outages.append(
            Outage(bad.begun, first_after[at] if is_over else now, {bad.said: 1}, is_over)
        )
    return outages


# --- the process ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    url: str
    address: str
    text: str
    interval: float
    timeout: float


class Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Client:
    def __init__(self, question: Question) -> None:
        self._question = question
        self._parts = urlsplit(question.url)
        self._idle: list[Connection] = []
        self.samples: list[Sample] = []
        self._context = ssl.create_default_context()
        # Whose certificate it is, is the health proof's question.
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    async def ask_all_the_time(self) -> None:
        running: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while True:
            if len(running) < _MOST_AT_A_TIME:
                task = asyncio.create_task(self._sample())
                running.add(task)
                task.add_done_callback(running.discard)
            due = max(due + self._question.interval, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def _sample(self) -> None:
        begun = time.time()
        try:
            said = await asyncio.wait_for(self._ask(), self._question.timeout)
        except TimeoutError:
            said = "no answer in time"
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            said = type(error).__name__
        self.samples.append(Sample(begun, time.time(), said))

    async def _ask(self) -> str:
        if self._idle:
            # The server may have closed it meanwhile, which is no trouble of the site's.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                return await self._ask_on(self._idle.pop())
        return await self._ask_on(await self._connect())

    async def _connect(self) -> Connection:
        tls = self._parts.scheme == "https"
        port = self._parts.port or (443 if tls else 80)
        name = self._parts.hostname if tls else None
        context = self._context if tls else None
        opened = asyncio.open_connection(
            self._question.address, port, ssl=context, server_hostname=name
        )
        return Connection(*await opened)

    async def _ask_on(self, connection: Connection) -> str:
        # By HTTP/1.0 nothing comes in chunks.
        lines = [
            f"GET {self._parts.path or '/'} HTTP/1.0",
            f"Host: {self._parts.hostname}",
            "Connection: keep-alive",
        ]
        kept = False
        try:
            connection.writer.write("\r\n".join([*lines, "", ""]).encode())
            head = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = head.partition("content-length:")[2].partition("\r")[0].strip()
            exactly = connection.reader.readexactly
            body = await (exactly(int(length)) if length else connection.reader.read(-1))
            kept = bool(length) and "connection: keep-alive" in head
        finally:
            if not kept:
                connection.writer.close()
        if kept:
            self._idle.append(connection)
        status = head.split()[1]
        if status != "200":
            return status
        return "" if self._question.text in body.decode(errors="replace") else "other page"

    def report(self) -> list[Any]:
        now, samples = time.time(), list(self.samples)
        bad = sum(1 for each in samples if each.said)
        longest = max((each.ended - each.begun for each in samples), default=0)
        return [len(samples) - bad, bad, find_outages(samples, now), longest]


async def serve(question: Question) -> None:
    client = Client(question)
    asking = asyncio.create_task(client.ask_all_the_time())
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(client.report()), flush=True)
    asking.cancel()


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve(Question(**json.loads(sys.argv[1]))))
