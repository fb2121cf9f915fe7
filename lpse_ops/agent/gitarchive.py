"""A version of a repository as an archive file.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import filecmp
import os
import shutil
from typing import Any, Dict, Optional

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.gitcommands import Git, failure
from lpse_ops.agent.replacing import write_atomically

_FORMATS = {".zip": "zip", ".gz": "tar.gz", ".tar": "tar", ".tgz": "tgz"}


def archive_format(archive: str) -> str:
    """The format that the name of an archive means."""
    found = _FORMATS.get(os.path.splitext(archive)[1])
    if found is None:
        raise Failed(
            f"Unable to get file extension from archive file name : {archive}",
            details="Please specify archive as filename with extension. File extension can be one "
            "of ['tar', 'tar.gz', 'zip', 'tgz']",
        )
    return found


def ensure_archive(git: Git, args: Dict[str, Any], context: Context, dest: str) -> bool:
    """Write the archive unless it is there already; True if it was not, or was another one."""
    archive = args["archive"]
    made = _make(git, archive, args["archive_prefix"], args["version"], context, dest)
    try:
        if os.path.exists(archive) and filecmp.cmp(made, archive, shallow=False):
            return False
        if not context.check_mode:
            with open(made, "rb") as source:
                write_atomically(archive, lambda file: shutil.copyfileobj(source, file))
        return True
    finally:
        os.unlink(made)


def _make(
    git: Git, archive: str, prefix: Optional[str], version: str, context: Context, dest: str
) -> str:
    kind = archive_format(archive)
    made = os.path.join(context.temporary_folder(), f"archive.{kind}")
    words = ["archive", "--format", kind, "--output", made]
    words += [] if prefix is None else ["--prefix", prefix]
    finished = git.try_run(*words, version)
    if finished.rc != 0:
        failed = failure("Failed to perform archive operation", finished, git.argv(*words, version))
        text = "Git archive command failed to create archive {} using {} directory.Error: {}"
        failed.result["details"] = text.format(archive, dest, finished.stderr)
        raise failed
    return made
