"""Sends a message by apprise: mail, Telegram, webhooks and the rest of its services.

URLs hold passwords and tokens: a failure names the line of the file and the kind of service, and
what apprise says about it only with every part of the URL masked.
"""

import contextlib
import logging
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from lpse_ops.masking import MASK, make_pattern

_SCHEME = re.compile(r"[a-z0-9]{1,20}(?=://)", re.IGNORECASE)
_BETWEEN_PARTS = re.compile(r"[/:@?&=,;#\s]+")
_LONGEST_REASON = 200


class Message(NamedTuple):
    """``title`` is the subject of a mail."""

    title: str
    body: str


class NotSent(NamedTuple):
    """A URL that took nothing; ``line`` counts the URLs from 1."""

    line: int
    service: str
    reason: str

    def __str__(self) -> str:
        return f"URL {self.line} ({self.service}): {self.reason}"


def send(urls: Sequence[str], message: Message) -> list[NotSent]:
    """Send to each URL by itself; return those that failed."""
    failures = []
    for line, url in enumerate(urls, start=1):
        if (reason := _send_one(url, message)) is not None:
            scheme = _SCHEME.match(url)
            failures.append(NotSent(line, scheme[0].lower() if scheme else "no URL", reason))
    return failures


def _send_one(url: str, message: Message) -> str | None:
    """Why it failed, or None."""
    import apprise

    with _captured_log() as lines:
        try:
            sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="lpse-ops"))
            if not sender.add(url):
                return "apprise does not know this kind of URL, or a part of it is missing"
            if sender.notify(title=message.title, body=message.body, body_format="text"):
                return None
        # Plugins of a hundred services: whatever they raise must not stop the others.
        except Exception as error:
            lines.append(f"{type(error).__name__}: {error}")
    return mask_url(" ".join(lines), url)[:_LONGEST_REASON] or "no reason is given"


def mask_url(text: str, url: str) -> str:
    """Take every part of the URL but its scheme out of a text."""
    rest = _SCHEME.sub("", url, count=1)
    parts = {part for part in _BETWEEN_PARTS.split(rest) if part}
    secrets = frozenset({url, *parts, *map(unquote, parts)})
    pattern = make_pattern(secrets)
    return text if pattern is None else pattern.sub(MASK, text)


class _Lines(logging.Handler):
    """Keeps messages, for whoever asks for them, and shows none."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(" ".join(record.getMessage().split()))


@contextlib.contextmanager
def _captured_log() -> Iterator[list[str]]:
    """What apprise logs during the block; nothing of it reaches the terminal."""
    logger = logging.getLogger("apprise")
    lines: list[str] = []
    handler = _Lines(lines)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
