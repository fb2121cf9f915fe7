"""A small file of the web, held in memory: a key, or what somebody says of one.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from lpse_ops.agent.context import Failed
from lpse_ops.agent.httpopener import Route
from lpse_ops.agent.httprequest import Asked, mask_url, open_answer

_TIMEOUT_SECONDS = 30.0
_AGENT = "ansible-httpget"
_LIMIT_BYTES = 8 << 20


class DownloadProblem(Exception):
    """There is no such file, or it did not come; the text says why and names no password."""


def download_bytes(url: str, *, validate_certs: bool) -> bytes:
    """What is at an address; ``DownloadProblem`` also when it is larger than a key can be."""
    route = Route(validate_certs=validate_certs)
    try:
        answer = open_answer(Asked(url, timeout=_TIMEOUT_SECONDS, http_agent=_AGENT), route)
        if answer.body is None:
            raise DownloadProblem(str(answer.info["msg"]))
        try:
            return answer.body.read(_LIMIT_BYTES)
        finally:
            answer.body.close()
    except Failed as failed:
        raise DownloadProblem(str(failed)) from failed


def shown_address(url: str) -> str:
    """The address without the password that may be in it."""
    return mask_url(url)
