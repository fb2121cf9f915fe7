"""What a module gets besides its arguments, and how it says that it failed.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import hashlib
import sys
from typing import IO, Any, Callable, Dict, Optional

from lpse_ops.agent.temporary import TemporaryFolder

Send = Callable[[IO[bytes]], int]


class Failed(Exception):
    """The task failed: ``result`` holds Ansible's keys, among them ``msg`` and ``failed``."""

    def __init__(self, msg: str, **result: Any) -> None:
        super().__init__(msg)
        self.result: Dict[str, Any] = dict(result, msg=msg, failed=True)


class Incoming:
    """Content that the controller has for this task; nothing moves before ``copy_to``.

    This one cannot move at all: an asynchronous task has nobody who would send it.  ``checksum`` is
    None while it is not known.
    """

    def __init__(self, size_bytes: int, checksum: Optional[str]) -> None:
        self.size_bytes = size_bytes
        self.checksum = checksum

    def ask_checksum(self) -> None:
        """Ask for a checksum that is not known, and do not wait for it."""

    def find_checksum(self) -> Optional[str]:
        """The checksum of what is to come, before any of it was copied; None if nobody knows."""
        return self.checksum

    def copy_to(self, file: IO[bytes]) -> int:  # noqa: ARG002
        """Write all of the content to a file, once; return its size or raise ``Failed``."""
        raise Failed("content of this size cannot be sent to an asynchronous task")


class InlineIncoming(Incoming):
    """Small content that came along with the request."""

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content), hashlib.sha1(content).hexdigest())
        self._content = content

    def copy_to(self, file: IO[bytes]) -> int:
        file.write(self._content)
        return len(self._content)


class Context:
    """The surroundings of one task.

    ``environment`` is what the task adds to the environment; it is in ``os.environ`` already.
    ``python`` is the interpreter that runs us, ``deadline`` a ``time.monotonic()`` or None.
    """

    def __init__(
        self,
        *,
        check_mode: bool = False,
        diff_mode: bool = False,
        no_log: bool = False,
        environment: Optional[Dict[str, str]] = None,
        python: str = sys.executable,
        deadline: Optional[float] = None,
        incoming: Optional[Incoming] = None,
        send: Optional[Send] = None,
        temporary: Optional[TemporaryFolder] = None,
    ) -> None:
        self.check_mode = check_mode
        self.diff_mode = diff_mode
        self.no_log = no_log
        self.environment = dict(environment or {})
        self.python = python
        self.deadline = deadline
        self.incoming = incoming
        self._send = send
        self._temporary = temporary or TemporaryFolder()

    def temporary_folder(self) -> str:
        """A folder that only this account can enter; it goes away when the task ends."""
        return self._temporary.path()

    def send(self, file: IO[bytes]) -> int:
        """Stream the rest of a file to the controller; return how many bytes went."""
        if self._send is None:
            raise Failed("the controller did not ask for any content")
        return self._send(file)

    def close(self) -> None:
        """Remove what the task needed for a while; the dispatcher's caller does it."""
        self._temporary.remove()
