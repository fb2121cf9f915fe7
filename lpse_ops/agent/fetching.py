"""What modules need of the web for themselves: a file for this task alone, or a key in memory.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import posixpath
import urllib.parse

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.httpopener import Route
from lpse_ops.agent.httprequest import Asked, mask_url, open_answer

_TIMEOUT_SECONDS = 30.0
_AGENT = "ansible-httpget"
_LIMIT_BYTES = 8 << 20


class FetchProblem(Exception):
    """There is no such file, or it did not come; the text says why and names no password."""


def fetch_to(url: str, context: Context, *, ending: str, validate_certs: bool = True) -> str:
    """Save what a URL has under a name of that ending, in pieces; return its path."""
    answer = open_answer(Asked(url), Route(validate_certs=validate_certs))
    if answer.body is None:
        raise Failed("Failure downloading {}, {}".format(mask_url(url), answer.info["msg"]))
    path = os.path.join(context.temporary_folder(), safe_stem(url) + ending)
    try:
        with open(path, "wb") as file:
            answer.body.copy_to(file)
    finally:
        answer.body.close()
    return path


def fetch_bytes(url: str, *, validate_certs: bool) -> bytes:
    """What is at an address; ``FetchProblem`` also when it is larger than a key can be."""
    route = Route(validate_certs=validate_certs)
    try:
        answer = open_answer(Asked(url, timeout=_TIMEOUT_SECONDS, http_agent=_AGENT), route)
        if answer.body is None:
            raise FetchProblem(str(answer.info["msg"]))
        try:
            return answer.body.read(_LIMIT_BYTES)
        finally:
            answer.body.close()
    except Failed as failed:
        raise FetchProblem(str(failed)) from failed


def safe_stem(url: str) -> str:
    """A file's name after that in a URL; no option, no hidden file, in no other folder."""
    name = posixpath.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    return (
        "".join(char for char in name if char.isalnum() or char in "+-._~").lstrip("-.") or "file"
    )
