"""A real SMTP server that keeps what it gets."""

import asyncio
import contextlib
import email
import email.policy
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Sink:
    """``mails`` in the order of their coming; ``refuse`` answers every mail with an error."""

    port: int = 0
    host: str = "127.0.0.1"
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: bool = False

    @property
    def url(self) -> str:
        return f"mailto://{self.host}:{self.port}?from=lpse@example.org&to=admin@example.org"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002
        if self.refuse:
            return "554 not here"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextlib.contextmanager
def open_sink(host: str = "127.0.0.1") -> Iterator[Sink]:
    """A server on a port of its own; not by aiosmtpd's controller, which has to be told one."""
    sink = Sink(host=host)
    loop = asyncio.new_event_loop()
    starting = loop.create_server(lambda: SMTP(sink, loop=loop, hostname="sink"), host, 0)
    server = loop.run_until_complete(starting)
    sink.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
