"""A buffer for each thread: a new one for each blob would cost more than the AES."""

import threading

# The cipher wants a spare block behind the text.
_SPARE = 16


class Scratch:
    """As large as the largest room that the thread asked for so far."""

    def __init__(self) -> None:
        self._local = threading.local()

    def room(self, size: int) -> memoryview:
        """This thread's buffer; what stood in it before is overwritten."""
        buffer: bytearray = getattr(self._local, "buffer", bytearray())
        if len(buffer) < size + _SPARE:
            self._local.buffer = buffer = bytearray(size + _SPARE)
        return memoryview(buffer)
