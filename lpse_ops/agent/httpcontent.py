"""What a task of ``uri`` sends: a text, a file, or a form with files.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import json
import os
import tempfile
from typing import IO, Any, Dict, List, Optional, Tuple

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.formbody import FormProblem, encode_form, parse_parts, write_parts
from lpse_ops.agent.httprequest import Content, plain_name
from lpse_ops.agent.incomingparts import IncomingParts


def request_content(args: Dict[str, Any], context: Context) -> Tuple[Content, Dict[str, str]]:
    """What is sent, and the headers that say what it is."""
    headers = {str(name): str(value) for name, value in (args["headers"] or {}).items()}
    if args["src"]:
        return _with_length(_open_source(args, context), headers)
    body, kind = args["body"], args["body_format"]
    is_said = "content-type" in [name.lower() for name in headers]
    if kind == "form-multipart":
        return _multipart(body, headers, args, context)
    try:
        if kind == "json":
            headers.update({} if is_said else {"Content-Type": "application/json"})
            return _bytes_of(body if isinstance(body, str) else json.dumps(body)), headers
        if kind == "form-urlencoded":
            words = {"Content-Type": "application/x-www-form-urlencoded"}
            headers.update({} if is_said else words)
            return _bytes_of(encode_form(body)), headers
    except FormProblem as problem:
        message = f"failed to parse body as form_urlencoded: {problem}"
        raise Failed(message, elapsed=0) from problem
    return _bytes_of(body), headers


def _bytes_of(body: Any) -> Optional[bytes]:
    if body is None:
        return None
    if isinstance(body, (dict, list, tuple)):
        raise Failed("body must be a text; body_format: json sends a mapping or a list", elapsed=0)
    return str(body).encode("utf-8", "surrogateescape")


def _open_source(args: Dict[str, Any], context: Context) -> IO[bytes]:
    if context.incoming is not None:
        file = _scratch(context)
        context.incoming.copy_to(file)
        file.seek(0)
        return file
    try:
        return open(args["src"], "rb")
    except OSError as error:
        raise Failed("Unable to open source file {}".format(args["src"]), elapsed=0) from error


def _with_length(file: IO[bytes], headers: Dict[str, str]) -> Tuple[Content, Dict[str, str]]:
    return file, {**headers, "Content-Length": str(os.fstat(file.fileno()).st_size)}


def _multipart(
    body: Any, headers: Dict[str, str], args: Dict[str, Any], context: Context
) -> Tuple[Content, Dict[str, str]]:
    file = _scratch(context)
    try:
        parts = parse_parts(_with_sent_files(body, args["_sent"] or [], context))
        headers["Content-Type"] = write_parts(parts, file)
    except (FormProblem, OSError) as problem:
        raise Failed(f"failed to parse body as form-multipart: {problem}") from problem
    file.seek(0)
    return _with_length(file, headers)


def _with_sent_files(body: Any, sent: List[Dict[str, Any]], context: Context) -> Any:
    """The fields, of which those of files that came along name the files as they are here."""
    if not sent or context.incoming is None or not isinstance(body, dict):
        return body
    fields = dict(body)
    incoming = IncomingParts(context.incoming, [int(each["size_bytes"]) for each in sent])
    try:
        for number, each in enumerate(sent):
            # A folder for each, because the server sees the name of the file.
            folder = os.path.join(context.temporary_folder(), str(number))
            os.mkdir(folder)
            name = fields[each["field"]]["filename"]
            path = os.path.join(folder, plain_name(name) or "file")
            with open(path, "wb") as file:
                incoming.copy_next(file, each["checksum"])
            fields[each["field"]] = {**fields[each["field"]], "filename": path}
            incoming.skip_rest()
    finally:
        incoming.close()
    return fields


def _scratch(context: Context) -> IO[bytes]:
    """A file without a name, for whoever sends it to close."""
    return tempfile.TemporaryFile(dir=context.temporary_folder())
