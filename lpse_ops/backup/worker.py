"""A worker process of a backup: hashes, compresses, encrypts and verifies, on a core of its own.

Forked by ``workerpool``, so that it shares the interpreter's memory and starts at once; reads the
files it is told to, writes none, opens no network connection, and ends when the main process does.
"""

import contextlib
import gc
import hashlib
import os
import resource
import signal
import socket
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Crypter, keys_from_bytes
from lpse_ops.backup.indexfile import encode_pack
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.packer import Packer
from lpse_ops.backup.smalllook import SmallLooks
from lpse_ops.backup.smallread import SmallReads
from lpse_ops.errors import OpsError

# What a list of processes shows; the kernel keeps 15 characters.
PROCESS_NAME = "lpse-ops worker"


class Worker:
    def __init__(self, channel: socket.socket, memory: wm.SharedMemory) -> None:
        self._channel = channel
        self._memory = memory
        # Made once the keys come, which is before anything is to be stored.
        self._packer: Packer
        self._pack_number: int | None = None
        self._waiting: deque[bytes] = deque()

    def run(self) -> None:
        """Serve messages until the main process closes its end."""
        while message := (self._waiting.popleft() if self._waiting else self._receive()):
            self._handle(message)

    def _receive(self) -> bytes:
        return self._channel.recv(wm.MAX_MESSAGE)

    def _handle(self, message: bytes) -> None:
        kind = message[:1]
        if kind == wm.HASH:
            self._hash(message)
        elif kind == wm.READ:
            self._read(message)
        elif kind == wm.LOOK:
            self._look(message)
        elif kind == wm.STORE:
            self._store(message)
        elif kind == wm.USE_PACK:
            self._use_pack(message[1])
        elif kind == wm.KEYS:
            crypter = Crypter(keys_from_bytes(message[1:]))
            self._packer = Packer(BlobType.DATA, crypter, Compressor())
        elif kind == wm.FLUSH:
            self._finish_pack()
            self._channel.send(wm.FLUSHED)

    def _hash(self, message: bytes) -> None:
        content = self._memory.input(message[1])
        ids = [
            hashlib.sha256(content[start : start + length]).digest()
            for start, length in wm.SPAN.iter_unpack(message[2:])
        ]
        self._channel.send(wm.HASHED + message[1:2] + b"".join(ids))

    def _read(self, message: bytes) -> None:
        read = SmallReads(self._memory.input(message[1])).read(message, 2)
        self._channel.send(wm.READ_DONE + message[1:2] + read)

    def _look(self, message: bytes) -> None:
        looked = SmallLooks(self._memory.input(message[1])).read(message, 2)
        self._channel.send(wm.LOOK_DONE + message[1:2] + looked)

    def _store(self, message: bytes) -> None:
        content = self._memory.input(message[1])
        for start, length, blob_id in wm.ITEM.iter_unpack(message[2:]):
            while self._pack_number is None:
                self._wait_for_pack()
            self._packer.add(blob_id, content[start : start + length])
            if self._packer.is_full:
                self._finish_pack()
        self._packer.verify()
        self._channel.send(wm.STORED + message[1:2])

    def _wait_for_pack(self) -> None:
        message = self._receive()
        if not message:
            raise ConnectionResetError("the main process is gone")
        if message[:1] == wm.USE_PACK:
            self._use_pack(message[1])
        else:
            self._waiting.append(message)

    def _use_pack(self, number: int) -> None:
        self._pack_number = number
        self._packer.use_buffer(self._memory.pack(number))

    def _finish_pack(self) -> None:
        if self._packer.is_empty or self._pack_number is None:
            return
        pack = self._packer.finish()
        # What the index will say rides behind the pack: a message could not hold it.
        text = encode_pack(pack.id, pack.entries)
        buffer = self._memory.pack(self._pack_number)
        buffer[pack.size_bytes : pack.size_bytes + len(text)] = text
        sizes = (pack.size_bytes, len(text), len(pack.entries))
        self._channel.send(wm.PACK.pack(wm.PACKED, self._pack_number, *sizes, pack.id))
        self._pack_number = None


def fork_worker(channel: socket.socket, memory: wm.SharedMemory) -> int:
    """Start a worker that serves ``channel``; return its PID."""
    # No signal may meet the child while it still has the handlers of the main process.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if not pid:
            _live(channel, memory, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _live(channel: socket.socket, memory: wm.SharedMemory, mask: Iterable[int]) -> NoReturn:
    """The whole life of the child; nothing of the main process may run in it, not even its end."""
    status = 1
    try:
        _leave_parent(channel.fileno())
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = _serve(channel, memory)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _leave_parent(channel: int) -> None:
    """Close every descriptor but ours and standard error, and drop the parent's handlers."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    # The main process' ends above all: while anybody holds one, its end would go unnoticed.
    os.closerange(3, channel)
    os.closerange(channel + 1, _last_descriptor() + 1)
    for each in signal.valid_signals():
        if callable(signal.getsignal(each)):
            signal.signal(each, signal.SIG_DFL)
    # Ctrl-C reaches the whole group; the main process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # restic unlock sends SIGHUP, whose default is death.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # only for who looks at a list of processes
        Path("/proc/self/comm").write_text(PROCESS_NAME, "ascii")


def _last_descriptor() -> int:
    """The highest open one, or, where /proc is not mounted, the highest there may be."""
    try:
        return max(map(int, os.listdir("/proc/self/fd")))
    except OSError:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1


def _serve(channel: socket.socket, memory: wm.SharedMemory) -> int:
    """Work until the main process is gone; return the exit status."""
    # Looking through what it shares with the main process would copy it.
    gc.freeze()
    try:
        with rare_collections():
            Worker(channel, memory).run()
    except OpsError as error:
        channel.send(wm.FAILED + f"{error.message}\0{error.hint}".encode())
    except (BrokenPipeError, ConnectionResetError):
        return 1
    return 0
