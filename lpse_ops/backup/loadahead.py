"""Loads many small files in the order of a list, some of them ahead of whoever takes them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

# As they are stored; what is in them may be some times larger.
_BYTES_AHEAD = 4 << 20


def load_ahead(
    files: Sequence[tuple[str, int]], load: Callable[[str], bytes], *, at_once: int
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Each id with a function that returns or raises what ``load`` does; sizes are in bytes.

    As many threads as ``at_once`` load ahead, but few MiB; without any, each is loaded when its
    function is called, which is to be done once, before the next is taken.
    """
    if not at_once:
        for file_id, _ in files:
            yield file_id, partial(load, file_id)
        return
    with ThreadPoolExecutor(at_once) as threads:
        loading: deque[tuple[str, int, Future[bytes]]] = deque()
        ahead = 0
        try:
            for file_id, size_bytes in files:
                while loading and (len(loading) > at_once or ahead + size_bytes > _BYTES_AHEAD):
                    done_id, done_bytes, content = loading.popleft()
                    yield done_id, content.result
                    ahead -= done_bytes
                loading.append((file_id, size_bytes, threads.submit(load, file_id)))
                ahead += size_bytes
            while loading:
                file_id, _, content = loading.popleft()
                yield file_id, content.result
        finally:
            threads.shutdown(cancel_futures=True)
