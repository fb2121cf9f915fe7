"""The host's part of ``fetch``: says what a file is, and sends it if the controller has another.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.files import digest_of

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "src": {"type": "path", "required": True},
    # SHA-1 of the file that the controller has already.
    "_checksum": {"type": "str"},
    # Say only where the file is.
    "_only_path": {"type": "bool", "default": False},
}
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Send the file unless the controller has it; ``sent`` says which."""
    src = args["src"]
    if args["_only_path"]:
        return {"src": src}
    try:
        os.stat(src)
    except FileNotFoundError as error:
        message = "the remote file does not exist, not transferring, ignored"
        raise Failed(message) from error
    except OSError as error:
        raise Failed(f"File is not readable: {src}: {error.strerror}") from error
    if os.path.isdir(src):
        raise Failed("remote file is a directory, fetch cannot work on directories")
    checksum = digest_of(src)
    if checksum is None:
        raise Failed(f"File is not readable: {src}")
    sends = checksum != args["_checksum"]
    if sends:
        with open(src, "rb") as file:
            context.send(file)
    return {"src": src, "checksum": checksum, "sent": sends}
