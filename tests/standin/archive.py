"""Archives whose bytes depend on nothing but what is in them."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# 2024-01-08 01:00:00 UTC, a Monday.
_WRITTEN = 1_704_675_600
_WRITTEN_IN_ZIP = (2024, 1, 8, 1, 0, 0)


@dataclass(frozen=True)
class Entry:
    """A file of an archive."""

    path: str
    content: bytes
    executable: bool = False


def tar_gz(entries: Iterable[Entry]) -> bytes:
    """A .tar.gz of the files and the folders they are in, owned by root."""
    by_path = {entry.path: entry for entry in entries}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted({*by_path, *_folders(by_path)}):
            info = tarfile.TarInfo(path)
            info.mtime = _WRITTEN
            info.uname = info.gname = "root"
            entry = by_path.get(path)
            if entry is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
                continue
            info.mode = 0o755 if entry.executable else 0o644
            info.size = len(entry.content)
            tar.addfile(info, io.BytesIO(entry.content))
    return gzip.compress(raw.getvalue(), mtime=0)


def jar(files: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in sorted({"META-INF/MANIFEST.MF": _MANIFEST, **files}.items()):
            info = zipfile.ZipInfo(name, _WRITTEN_IN_ZIP)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return raw.getvalue()


_MANIFEST = b"Manifest-Version: 1.0\r\n\r\n"


def _folders(paths: Iterable[str]) -> set[str]:
    parts = [path.split("/") for path in paths]
    return {"/".join(part[:depth]) for part in parts for depth in range(1, len(part))}
