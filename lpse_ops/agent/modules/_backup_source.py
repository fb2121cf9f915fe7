"""This host's files for a backup that is made elsewhere: looks at them and reads them.

No task can ask for it by name.  ``_what`` is ``walk``, ``look``, ``stat``, ``small``, ``file`` or
``start``; the request itself is the content that comes along, what is found goes back as content.
An ``errno`` in the result is what is wrong with the one path that was asked for.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import base64
import io
import os
import zlib
from typing import IO, Any, Callable, Dict, cast

from lpse_ops.agent import backuplooks as looking
from lpse_ops.agent import backupreads as reading
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "_what": {"type": "str", "required": True},
    # How much a walk may tell.
    "_entries": {"type": "int", "default": 0},
    "_bytes": {"type": "int", "default": 0},
    "_one_file_system": {"type": "bool", "default": False},
    # Through links.
    "_follow": {"type": "bool", "default": False},
}
CHECK_MODE = "full"
_XATTR_BYTES = 16 * 1024 * 1024

Values = Dict[str, Any]


def run(args: Values, context: Context) -> Values:
    """Answer one question; the files stay as they are."""
    if context.incoming is None:
        raise Failed("nothing was asked for")
    request = io.BytesIO()
    context.incoming.copy_to(request)
    try:
        return _ANSWERS[args["_what"]](args, request.getvalue(), context)
    except OSError as error:
        return {"errno": reading.error_number(error)}


def _walk(args: Values, request: bytes, context: Context) -> Values:
    looks = looking.Looks()
    looking.walk(
        looks,
        looking.read_texts(request),
        args["_entries"],
        args["_bytes"],
        one_file_system=args["_one_file_system"],
    )
    return _send_looks(looks, context)


def _look(_args: Values, request: bytes, context: Context) -> Values:
    looks = looking.Looks()
    folder, *names = looking.read_texts(request)
    looking.look_at_names(looks, folder, names)
    return _send_looks(looks, context)


def _stat(args: Values, request: bytes, context: Context) -> Values:
    looks = looking.Looks()
    (path,) = looking.read_texts(request)
    looking.look_at_path(looks, path, follow=args["_follow"])
    return _send_looks(looks, context)


def _send_looks(looks: looking.Looks, context: Context) -> Values:
    context.send(io.BytesIO(zlib.compress(looks.content(), 1)))
    return {}


def _small(_args: Values, request: bytes, context: Context) -> Values:
    batch = reading.read_batch(reading.parse_items(request))
    context.send(io.BytesIO(batch.content))
    return {"flags": batch.flags, "xattrs": _text(batch.xattrs)}


def _file(_args: Values, request: bytes, context: Context) -> Values:
    """Send a file; its owners and attributes are told with it."""
    (path,) = looking.read_texts(request)
    with reading.opened(path) as descriptor:
        before = reading.status_before(descriptor)
        with reading.Growing(descriptor, before.st_size) as file:
            # All that is done with it is to read.
            sent = context.send(cast(IO[bytes], file))
        looks = looking.Looks()
        looks.add_open(os.fstat(descriptor), descriptor, _XATTR_BYTES)
    return {
        "bytes": sent,
        "before": _text(looking.pack_status(before)),
        "after": _text(zlib.compress(looks.content(), 1)),
    }


def _start(args: Values, request: bytes, context: Context) -> Values:
    (path,) = looking.read_texts(request)
    context.send(io.BytesIO(reading.read_start(path, args["_bytes"])))
    return {}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


_ANSWERS: Dict[str, Callable[[Values, bytes, Context], Values]] = {
    "walk": _walk,
    "look": _look,
    "stat": _stat,
    "small": _small,
    "file": _file,
    "start": _start,
}
