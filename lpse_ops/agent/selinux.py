"""SELinux labels, read and written as extended attributes; nothing needs its Python binding.

On a host without SELinux every function says so (False, None or "no change") and does nothing.
"""

import os
from typing import Any, Dict, List, Optional

from lpse_ops.agent.context import Failed

_ATTRIBUTE = "security.selinux"
_PARTS = ("seuser", "serole", "setype", "selevel")


def is_enabled(status_file: str = "/sys/fs/selinux/enforce") -> bool:
    """Whether the kernel enforces or at least checks labels."""
    return os.path.exists(status_file)


def read_label(path: str) -> Optional[str]:
    """The label of a file or of a link itself; None where there is none."""
    try:
        label = os.getxattr(path, _ATTRIBUTE, follow_symlinks=False)
    except OSError:
        return None
    return label.rstrip(b"\0").decode("utf-8", "surrogateescape")


def default_label(path: str) -> Optional[str]:
    """What the policy says a file of this name should have."""
    # Most hosts never get here, and it takes longer to load than most tasks to run.
    import ctypes

    try:
        library = ctypes.CDLL("libselinux.so.1")
        found = ctypes.c_char_p()
        mode = os.lstat(path).st_mode if os.path.lexists(path) else 0
        if library.matchpathcon(os.fsencode(path), mode, ctypes.byref(found)) != 0:
            return None
        label = (found.value or b"").decode("utf-8", "surrogateescape")
        library.freecon(found)
    except (OSError, AttributeError):
        return None
    return label


def wanted_label(label: str, default: Optional[str], args: Dict[str, Any]) -> str:
    """Replace the parts of a label that the arguments name; ``_default`` is the policy's part."""
    parts = _split(label)
    defaults = _split(default or label)
    for index, name in enumerate(_PARTS[: len(parts)]):
        value = args.get(name)
        if value == "_default":
            parts[index] = defaults[index] if index < len(defaults) else parts[index]
        elif value is not None:
            parts[index] = value
    return ":".join(parts)


def apply_label(path: str, args: Dict[str, Any], *, check_mode: bool) -> Optional[List[str]]:
    """Set the parts that the arguments name; return the label before and after, or None."""
    if not is_enabled() or all(args.get(name) is None for name in _PARTS):
        return None
    before = read_label(path)
    if before is None:
        return None
    after = wanted_label(before, default_label(path), args)
    if after == before:
        return None
    if not check_mode:
        write_label(path, after)
    return [before, after]


def write_label(path: str, label: str) -> None:
    """Label a file, or a link itself."""
    try:
        os.setxattr(path, _ATTRIBUTE, label.encode() + b"\0", follow_symlinks=False)
    except OSError as error:
        raise Failed(f"set selinux context failed: {error.strerror}", path=path) from error


def _split(label: str) -> List[str]:
    # The level may hold colons itself: s0:c1,c2.
    return label.split(":", 3)
