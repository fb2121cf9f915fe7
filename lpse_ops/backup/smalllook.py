"""Looks at small files by name, in a worker, reads them and writes their nodes.

For folders of which nothing is known yet: the main process lists names and does nothing else for
each file.  A request is made by ``smallnames``.
"""

import os
import stat

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.chunker import MIN_BYTES
from lpse_ops.backup.gojson import quote_name
from lpse_ops.backup.localsource import (
    OPEN_PLACE,
    identity_of,
    open_file,
    outlast_tick,
    owner_text,
)
from lpse_ops.backup.smallread import Reading, look_of
from lpse_ops.backup.treebuilder import render_regular

# Of a node, what its head does not hold: the id of its content; of a character, its bytes in UTF-8.
_CONTENT_BYTES = 128
_MOST_BYTES = 4
# Nobody else could open what has a longer one.
_MAX_PATH_BYTES = 4095


class SmallLooks:
    """Reads the files of one request into ``content``, one behind the other, then their nodes."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._fill = 0
        self._text_room = 0
        self._reading = Reading()
        self._heads: list[str] = []
        self._sizes: list[int] = []

    def read(self, request: bytes, position: int) -> bytes:
        """What ``workmemory.read_looked`` reads, of as many files as there is room for."""
        for group in request[position:].split(wm.END_OF_GROUP):
            folder, identity, *names = group.split(wm.END_OF_NAME)
            if not self._read_folder(folder, identity, names):
                break
        self._reading.settle()
        return self._answer()

    def _read_folder(self, folder: bytes, identity: bytes, names: list[bytes]) -> bool:
        """Whether there was room for all of them."""
        try:
            place = os.open(folder, OPEN_PLACE)
        except OSError:
            self._pass_over(len(names))
            return True
        try:
            # A link above may lead elsewhere by now.
            if wm.encode_identity(identity_of(os.fstat(place))) != identity:
                self._pass_over(len(names))
                return True
            longest = _MAX_PATH_BYTES - len(folder) - 1
            return all(self._take(name, place, longest) for name in names)
        finally:
            os.close(place)

    def _take(self, name: bytes, folder: int, longest: int) -> bool:
        """Read a file if it is small; False if there is no room for it any more."""
        try:
            descriptor = open_file(name, folder) if len(name) <= longest else None
        except OSError:
            descriptor = None
        if descriptor is None:
            self._pass_over()
            return True
        is_begun = False
        try:
            status = os.fstat(descriptor)
            size = status.st_size
            if size > MIN_BYTES or not stat.S_ISREG(status.st_mode):
                self._pass_over()
                return True
            head = render_regular(quote_name(name), status, owner_text)
            text_room = self._text_room + _MOST_BYTES * len(head) + _CONTENT_BYTES
            end = self._fill + size
            if end + text_room > len(self._content):
                return False
            room = self._content[self._fill : end]
            self._fill, self._text_room = end, text_room
            self._heads.append(head)
            self._sizes.append(size)
            outlast_tick(status.st_ctime_ns)
            is_begun = True
            self._reading.start(descriptor, room, look_of(status))
        finally:
            if not is_begun:
                os.close(descriptor)
        return True

    def _pass_over(self, files: int = 1) -> None:
        for _ in range(files):
            self._heads.append("")
            self._sizes.append(0)
            self._reading.pass_over()

    def _answer(self) -> bytes:
        flags, ids = self._reading.flags, self._reading.ids
        texts = [
            wm.finish_node(head, "", size, blob_id) if flag == wm.PLAIN else head
            for head, size, flag, blob_id in zip(self._heads, self._sizes, flags, ids, strict=True)
        ]
        text = wm.END_OF_TEXT.join(texts).encode()
        self._content[self._fill : self._fill + len(text)] = text
        return wm.encode_looked(self._fill, len(text), flags, self._sizes, ids)
