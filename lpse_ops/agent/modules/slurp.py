"""The ``slurp`` module: the content of a file on the host, in base64."""

import base64
import errno
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "src": {"type": "path", "required": True, "aliases": ["path"]},
}
CHECK_MODE = "full"
TIDY = True

_PROBLEMS = {
    errno.ENOENT: "File not found: {}",
    errno.EACCES: "File is not readable: {}",
    errno.EISDIR: "Source is a directory and must be a file: {}",
}


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return ``content``; what cannot be read is a failure that says why."""
    source = args["src"]
    try:
        with open(source, "rb") as stream:
            content = stream.read()
    except OSError as error:
        problem = _PROBLEMS.get(error.errno or 0, "Unable to slurp file: {}")
        raise Failed(problem.format(source)) from error
    encoded = base64.b64encode(content).decode("ascii")
    return {"content": encoded, "source": source, "encoding": "base64"}
