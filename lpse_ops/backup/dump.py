"""One stored file as a stream, read ahead by threads and bounded in memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.errors import RepositoryError

# Blobs are some MiB at most, and this many are in memory at once.
_AHEAD = 6
_THREADS = 2


class Sink(Protocol):
    def write(self, content: bytes, /) -> object: ...


def write_file(repository: Repository, index: BlobIndex, node: Node, out: Sink) -> int:
    """Write a file's content in order, each blob proved by its hash; return its bytes."""
    if node.type != "file":
        raise RepositoryError(
            f"{node.name.decode('utf-8', 'replace')} is a {node.type}, not a file",
            hint="lpse-ops backup ls SNAPSHOT FOLDER lists the files in a folder",
        )
    total = 0
    for content in read_blobs(repository, index, node.content):
        out.write(content)
        total += len(content)
    return total


def read_blobs(
    repository: Repository, index: BlobIndex, blob_ids: Sequence[bytes]
) -> Iterator[bytes]:
    """Contents of data blobs in order; a few are read ahead."""
    if len(blob_ids) < 2:  # starting threads takes longer than a small file
        for blob_id in blob_ids:
            yield repository.load_blob(index, BlobType.DATA, blob_id)
        return
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for blob_id in blob_ids:
                load = repository.load_blob
                waiting.append(pool.submit(load, index, BlobType.DATA, blob_id))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
