"""A few small files of a package, read without unpacking it."""

import contextlib
import io
from collections.abc import Collection, Iterator
from typing import Any

from lpse_ops.errors import PackageRefused
from lpse_ops.spse.package import Inspected, Package
from lpse_ops.spse.packageentry import Member, show_name
from lpse_ops.spse.packagewalk import Write


def read_files(
    package: Package, inspected: Inspected, paths: Collection[str], most_bytes: int
) -> dict[str, bytes]:
    """The content of files below the application's folder; those that are not there are left out.

    ``PackageRefused`` if one is larger, or the package has changed since it was inspected.
    """
    above = f"{inspected.root}/" if inspected.root else ""
    found: dict[str, _Bounded] = {}

    @contextlib.contextmanager
    def open_file(member: Member) -> Iterator[Write]:
        path = member.path.removeprefix(above)
        if not member.path.startswith(above) or path not in paths:
            yield lambda _: None
            return
        found[path] = _Bounded(path, most_bytes)
        yield found[path].write

    package.unpack(inspected, open_file)
    return {path: content.getvalue() for path, content in found.items()}


class _Bounded(io.BytesIO):
    def __init__(self, path: str, most_bytes: int) -> None:
        super().__init__()
        self._path, self._most_bytes = path, most_bytes

    def write(self, content: Any, /) -> int:
        if self.tell() + len(content) > self._most_bytes:
            raise PackageRefused(
                f"the package's {show_name(self._path)} is larger than {self._most_bytes} bytes",
                hint="do not install it; ask LKPP what it is",
            )
        return super().write(content)
