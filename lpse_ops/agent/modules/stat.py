"""The ``stat`` module: everything about one file, whether it is there or not."""

import errno
import os
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileflags import read_flags
from lpse_ops.agent.filestatus import describe_status, hash_file
from lpse_ops.agent.mimetype import get_ready, read_mime

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True, "aliases": ["dest", "name"]},
    "follow": {"type": "bool", "default": False},
    "get_checksum": {"type": "bool", "default": True},
    "get_mime": {"type": "bool", "default": True, "aliases": ["mime", "mime_type", "mime-type"]},
    "get_attributes": {"type": "bool", "default": True, "aliases": ["attr", "attributes"]},
    "checksum_algorithm": {
        "type": "str",
        "default": "sha1",
        "choices": ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
        "aliases": ["checksum", "checksum_algo"],
    },
}
CHECK_MODE = "full"
TIDY = True
PREPARE = get_ready

# Names of chattr(1)'s letters.
_FLAG_NAMES = {
    "A": "noatime",
    "a": "append",
    "c": "compressed",
    "C": "nocow",
    "d": "nodump",
    "D": "dirsync",
    "e": "extents",
    "E": "encrypted",
    "h": "blocksize",
    "i": "immutable",
    "I": "indexed",
    "j": "journalled",
    "N": "inline",
    "s": "zero",
    "S": "synchronous",
    "t": "notail",
    "T": "blockroot",
    "u": "undelete",
    "X": "compressedraw",
    "Z": "compresseddirty",
}


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return ``stat``; a file that is not there is no failure."""
    path = args["path"]
    try:
        status = os.stat(path) if args["follow"] else os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return {"stat": {"exists": False}}
        raise Failed(error.strerror or str(error)) from error
    facts = dict(describe_status(path, status), exists=True)
    facts.update(blocks=status.st_blocks, block_size=status.st_blksize)
    facts["device_type"] = status.st_rdev
    for key, right in (("readable", os.R_OK), ("writeable", os.W_OK), ("executable", os.X_OK)):
        facts[key] = os.access(path, right)
    facts.update(_read_more(path, facts, args, status.st_mode))
    return {"stat": facts}


def _read_more(path: str, facts: Dict[str, Any], args: Dict[str, Any], mode: int) -> Dict[str, Any]:
    """What takes a look at the file itself: link, checksum, kind of content, flags."""
    more: Dict[str, Any] = {}
    if facts["islnk"]:
        more.update(lnk_source=os.path.realpath(path), lnk_target=os.readlink(path))
    if facts["isreg"] and args["get_checksum"] and facts["readable"]:
        more["checksum"] = hash_file(path, args["checksum_algorithm"])
    if args["get_mime"]:
        more.update(read_mime(path, mode)._asdict())
    if args["get_attributes"]:
        flags = read_flags(path)
        letters = flags.letters if flags else ""
        more["attr_flags"] = letters
        more["attributes"] = [_FLAG_NAMES[each] for each in letters if each in _FLAG_NAMES]
        more["version"] = flags.version if flags else None
    return more
