"""The ``uri`` module: one request to a web service, and what it answers.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Files of the
controller come along: that of ``src``, or with ``_sent`` those of a form, one after the other.
"""

import contextlib
import json
import os
import re
import urllib.parse
from typing import Any, Dict, Optional, Union

from lpse_ops.agent import replacing
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import describe, digest_of
from lpse_ops.agent.httpcontent import request_content
from lpse_ops.agent.httprequest import (
    LIMIT_BYTES,
    WEB_ARGUMENTS,
    Answer,
    Watch,
    asked_of,
    mask_url,
    named_in_header,
    open_answer,
    plain_name,
    route_of,
)
from lpse_ops.agent.redaction import PART

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    dict(FILE_ARGUMENTS, **WEB_ARGUMENTS),
    url_username={"type": "str", "aliases": ["user"]},
    url_password={"type": "str", "aliases": ["password"], "no_log": True},
    follow_redirects={
        "type": "str",
        "default": "safe",
        "choices": ["all", "no", "none", "safe", "urllib2", "yes"],
    },
    dest={"type": "path"},
    body={"type": "raw"},
    body_format={
        "type": "str",
        "default": "raw",
        "choices": ["form-urlencoded", "json", "raw", "form-multipart"],
    },
    src={"type": "path"},
    remote_src={"type": "bool", "default": False},
    method={"type": "str", "default": "GET"},
    return_content={"type": "bool", "default": False},
    creates={"type": "path"},
    removes={"type": "path"},
    status_code={"type": "list", "elements": "int", "default": [200]},
    timeout={"type": "int", "default": 30},
    headers={"type": "dict", "default": {}},
    unix_socket={"type": "path"},
    ca_path={"type": "path"},
    _sent={"type": "list", "elements": "dict"},
)
RULES: Dict[str, Any] = {"mutually_exclusive": [["body", "src"]]}

Result = Dict[str, Any]
_JSON_WORDS = ("json", "javascript")


def run(args: Dict[str, Any], context: Context) -> Result:
    """Make the request, unless ``creates`` or ``removes`` say that it is done."""
    if not re.match(r"[A-Z]+\Z", args["method"].upper()):
        word = "Parameter 'method' needs to be a single word in uppercase, like GET or POST."
        raise Failed(word)
    for name, is_done, words in (("creates", True, "exists"), ("removes", False, "does not exist")):
        path = args[name]
        if path is not None and os.path.exists(path) == is_done:
            return {"changed": False, "stdout": f"skipped, since '{path}' {words}"}
    content, headers = request_content(args, context)
    dest = args["dest"]
    is_file = dest is not None and os.path.isfile(dest)
    watch = Watch()
    asked = asked_of(
        args,
        method=args["method"],
        content=content,
        headers=headers,
        modified_since=os.path.getmtime(dest) if is_file else None,
    )
    answer = open_answer(asked, route_of(args))
    try:
        return _report(answer, watch.elapsed(), args, context)
    finally:
        if answer.body:
            answer.body.close()
        if content is not None and not isinstance(content, bytes):
            content.close()


def _report(answer: Answer, elapsed: int, args: Dict[str, Any], context: Context) -> Result:
    info = dict(answer.info)
    wanted = args["status_code"]
    is_json = _is_json(answer)
    is_wanted = answer.status in wanted
    content: Optional[bytes] = None
    if is_json or args["return_content"] or not is_wanted:
        content = answer.error_content
        if answer.body:
            content = answer.body.read(LIMIT_BYTES)
        elif content is None:
            content = b""
    elif answer.error_content is not None:
        info["body"] = answer.error_content.decode("utf-8", "surrogateescape")
    result: Result = {"redirected": info["url"] != mask_url(args["url"]), **info}
    result.update(elapsed=elapsed, status=answer.status, changed=False)
    if args["dest"] is not None and answer.headers is not None:
        _save(answer, content, result, args, context)
    return _finish(answer, content, result, args, is_json=is_json, is_wanted=is_wanted)


def _finish(
    answer: Answer,
    content: Optional[bytes],
    result: Result,
    args: Dict[str, Any],
    *,
    is_json: bool,
    is_wanted: bool,
) -> Result:
    shown = {key.replace("-", "_").lower(): value for key, value in result.items()}
    if "location" in shown:
        shown["location"] = urllib.parse.urljoin(mask_url(args["url"]), shown["location"])
    if content is not None:
        text = _decode(content, answer)
        with contextlib.suppress(ValueError, RecursionError):
            if is_json:
                shown["json"] = mask_keys(json.loads(text), args["url_password"])
        if args["return_content"]:
            shown["content"] = text
    if is_wanted:
        return shown
    words = "Status code was {} and not {}: {}".format(
        answer.status, args["status_code"], shown.pop("msg")
    )
    raise Failed(words, **shown)


def mask_keys(value: Any, secret: Optional[str]) -> Any:
    """The value with a secret masked in the names of its fields: some servers echo what they get.

    In values it is masked for every module.
    """
    if not secret:
        return value
    if isinstance(value, dict):
        pairs = [
            (key.replace(secret, PART), mask_keys(each, secret)) for key, each in value.items()
        ]
        return dict(pairs)
    return [mask_keys(each, secret) for each in value] if isinstance(value, list) else value


def _decode(content: bytes, answer: Answer) -> str:
    charset = answer.headers.get_param("charset") if answer.headers else None
    name = charset.partition(",")[0] if isinstance(charset, str) else "utf-8"
    try:
        return content.decode(name, "surrogateescape")
    except (LookupError, UnicodeDecodeError, ValueError):
        return content.decode("utf-8", "surrogateescape")


def _is_json(answer: Answer) -> bool:
    """Whether an answer says that it is JSON; one without headers says nothing."""
    if answer.headers is None:
        return False
    kind = answer.headers.get_content_type().partition(",")[0].partition("/")[2]
    return (kind.partition("+")[2] or kind).lower() in _JSON_WORDS


def _save(
    answer: Answer,
    content: Optional[bytes],
    result: Result,
    args: Dict[str, Any],
    context: Context,
) -> None:
    """Write the content to ``dest``, if it is one; the result says where that is."""
    dest: str = args["dest"]
    if os.path.isdir(dest):
        dest = os.path.join(dest, _name_of(answer))
    if answer.status in args["status_code"] and answer.status != 304:
        _write(answer, content, dest, args)
        apply_file_arguments(dest, args, context)
        result["changed"] = True
    result["path"] = dest
    result.update({key: value for key, value in describe(dest).items() if key not in result})


def _name_of(answer: Answer) -> str:
    path = urllib.parse.urlsplit(answer.info["url"]).path.rstrip("/")
    name = named_in_header(answer.headers) or urllib.parse.unquote(os.path.basename(path))
    return plain_name(name) or "index.html"


class _Same(Exception):
    """What came is what was there."""


def _write(answer: Answer, content: Optional[bytes], dest: str, args: Dict[str, Any]) -> None:
    folder = os.path.dirname(dest) or "."
    if not os.path.isdir(folder):
        raise Failed(f"Could not replace file: {dest}: there is no folder {folder}")
    source: Union[bytes, Any] = content if content is not None else answer.error_content or b""
    if content is None and answer.body:
        source = answer.body.copy_to

    def check(temporary: str) -> None:
        if digest_of(temporary) == digest_of(dest):
            raise _Same

    with contextlib.suppress(_Same):
        replacing.write_atomically(
            dest, source, unsafe_writes=args["unsafe_writes"], mode=args["mode"], check=check
        )
