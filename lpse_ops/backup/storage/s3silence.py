"""A server that takes a request and says nothing: told once, not asked again by the client.

botocore asks three times, each time for as long as anybody is to wait.  Whoever wants to wait
longer wraps the backend, and is told how long nothing was heard.
"""

from typing import Any


def ask_the_silent_once(client: Any) -> None:
    """Let a botocore client try again what was refused or broke off, but not what was silent."""
    client.meta.events.register_first("needs-retry.s3", _raise_silence)


def silent_seconds(error: Exception, connect_seconds: float, read_seconds: float) -> float:
    """For how long nothing was heard before an error of botocore.

    Who sends waits as long as who connects.
    """
    from botocore.exceptions import ReadTimeoutError

    if isinstance(error, ReadTimeoutError):
        return read_seconds
    return connect_seconds if _is_silence(error) else 0.0


def _raise_silence(caught_exception: Exception | None = None, **_: Any) -> None:
    if caught_exception is not None and _is_silence(caught_exception):
        raise caught_exception


def _is_silence(error: Exception) -> bool:
    from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError

    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return True
    if not isinstance(error, HTTPClientError):
        return False
    # Nobody takes what is being sent: urllib3 has wrapped it, and botocore that.
    cause = error.kwargs.get("error")
    return any(isinstance(each, TimeoutError) for each in getattr(cause, "args", ()))
