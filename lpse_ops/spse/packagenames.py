"""Names in an archive that somebody else made: which are let in, and which collide."""

import unicodedata

from lpse_ops.spse.packageentry import BadArchive, Kind, show_name

# Below PATH_MAX with much to spare for the folder of the releases.
MAX_PATH_BYTES = 1000
MAX_NAME_BYTES = 255
MAX_DEPTH = 40


def parse_name(raw: bytes) -> str:
    """Return the path as ``a/b``, ``""`` for the folder of all, or raise ``BadArchive``."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadArchive("is not UTF-8", raw) from error
    # What does not print: control characters, and what turns or hides text on a screen.
    if not name.isprintable():
        raise BadArchive("holds a control character or another that cannot be seen", name)
    if "\\" in name:
        raise BadArchive("holds a backslash", name)
    if name.startswith("/"):
        raise BadArchive("is an absolute path", name)
    parts = name.removesuffix("/").split("/")
    while parts and parts[0] == ".":
        del parts[0]
    for part in parts:
        _check_part(part, name)
    path = "/".join(parts)
    if len(parts) > MAX_DEPTH:
        raise BadArchive(f"is nested deeper than {MAX_DEPTH} folders", name)
    if len(path.encode()) > MAX_PATH_BYTES:
        raise BadArchive(f"is longer than {MAX_PATH_BYTES} bytes", name)
    return path


def _check_part(part: str, name: str) -> None:
    if part == "..":
        raise BadArchive("leads out of its folder with '..'", name)
    if part in ("", "."):
        raise BadArchive("holds an empty part or '.'", name)
    if len(part.encode()) > MAX_NAME_BYTES:
        raise BadArchive(f"holds a part longer than {MAX_NAME_BYTES} bytes", name)


class Names:
    """The names met so far, with the folders that they imply; each ``add`` may refuse one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._folders: set[str] = set()
        self._kinds: dict[str, Kind] = {}
        self._spelled: dict[str, str] = {}

    def add(self, path: str, kind: Kind) -> None:
        """Take a member in, or raise ``BadArchive``."""
        if path in self._kinds:
            raise BadArchive("is there twice", path)
        above = path.rpartition("/")[0]
        if above:
            self._add_folder(above)
        if kind == "folder":
            self._add_folder(path)
        elif path in self._folders:
            raise BadArchive(f"is a {kind}, and there are names below it", path)
        else:
            self._spell(path)
        self._kinds[path] = kind

    def _add_folder(self, path: str) -> None:
        missing = []
        while path and path not in self._folders:
            missing.append(path)
            path = path.rpartition("/")[0]
        for folder in reversed(missing):
            kind = self._kinds.get(folder, "folder")
            if kind != "folder":
                raise BadArchive(f"is a {kind}, and there are names below it", folder)
            self._spell(folder)
            self._folders.add(folder)

    def _spell(self, path: str) -> None:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        other = self._spelled.setdefault(folded, path)
        if other != path:
            raise BadArchive(f"differs from {show_name(other)} only in the case of letters", path)
        if len(self._spelled) > self._limit:
            raise BadArchive(f"it holds more than {self._limit} names")
