"""Secrets of a task kept out of what it answers.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Any, Iterable, List

WHOLE = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
PART = "********"


def redact(value: Any, secrets: Iterable[str]) -> Any:
    """The same value with every secret in its strings and numbers masked; keys stay."""
    # The longest first: one secret may be a part of another.
    ordered = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    return _redact(value, ordered) if ordered else value


def _redact(value: Any, secrets: List[str]) -> Any:
    if isinstance(value, dict):
        return {key: _redact(each, secrets) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_redact(each, secrets) for each in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return _redact_text(value, secrets)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return WHOLE if any(secret in str(value) for secret in secrets) else value
    return value


def _redact_text(text: str, secrets: List[str]) -> str:
    if text in secrets:
        return WHOLE
    for secret in secrets:
        text = text.replace(secret, PART)
    return text
