"""A process that reads a repository for the main process, on a core of its own.

Forked by ``readpool``, so it shares the interpreter's memory; it serves requests until the main
process closes its end, or is gone.  What it does with a request is the handler's part.
"""

import gc
import os
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lpse_ops.backup.collector import rare_collections
from lpse_ops.errors import OpsError

if TYPE_CHECKING:
    from lpse_ops.backup.repository import Repository

# A request or an answer; well below what a socket takes at once.
MAX_MESSAGE = 128 * 1024
MAX_DESCRIPTORS = 64

# worker -> main: any number of answers to a request, then one of the others.
ANSWER = b"a"
DONE = b"d"
FAILED = b"f"
BROKEN = b"b"

# A request and the descriptors that came with it, which are closed when it is answered.
Handler = Callable[[bytes, list[int]], Iterator[bytes]]
MakeHandler = Callable[["Repository"], Handler]
# Imports what the handler needs: in the worker, and while the main process does the same.
LoadHandler = Callable[[], MakeHandler]


def encode_opening(repository: "Repository") -> bytes:
    """The first message: what a worker needs to read the same repository."""
    config_id = repository.config.id.encode("ascii")
    return repository.keys.to_bytes() + config_id + os.fsencode(repository.backend.location)


def _decode_opening(message: bytes) -> "Repository":
    from lpse_ops.backup.config import Config
    from lpse_ops.backup.crypto import keys_from_bytes
    from lpse_ops.backup.repository import Repository
    from lpse_ops.backup.storage.local import LocalBackend

    backend = LocalBackend(Path(os.fsdecode(message[128:])))
    # Who only reads needs no polynomial.
    config = Config(message[64:128].decode("ascii"), polynomial=0)
    return Repository(backend, keys_from_bytes(message[:64]), config)


def serve(channel: socket.socket, load_handler: LoadHandler) -> None:
    """Answer requests until the other end is closed."""
    _become_quiet()
    make_handler = load_handler()
    opening = channel.recv(MAX_MESSAGE)
    if not opening:
        return
    handler = make_handler(_decode_opening(opening))
    with rare_collections():
        while _serve_one(channel, handler):
            pass


def _serve_one(channel: socket.socket, handler: Handler) -> bool:
    """False when the other end is closed."""
    message, descriptors, _, _ = socket.recv_fds(channel, MAX_MESSAGE, MAX_DESCRIPTORS)
    try:
        if message:
            _answer(channel, handler, message, descriptors)
    finally:
        for each in descriptors:
            os.close(each)
    return bool(message)


def _answer(
    channel: socket.socket, handler: Handler, message: bytes, descriptors: list[int]
) -> None:
    try:
        for answer in handler(message, descriptors):
            channel.send(ANSWER + answer[: MAX_MESSAGE - 1])
    except OpsError as error:
        channel.send(FAILED + f"{error.message}\0{error.hint}".encode())
    except ConnectionError:
        raise
    except Exception:  # a bug of ours: the main process reports it
        channel.send(BROKEN + traceback.format_exc().encode()[-MAX_MESSAGE // 2 :])
    else:
        channel.send(DONE)


def _become_quiet() -> None:
    # Ctrl-C reaches the whole group: the main process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Looking through what it shares with the main process would copy it.
    gc.freeze()
