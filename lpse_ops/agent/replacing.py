"""New content for a file in one step: written beside it, checked, then renamed over it.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Whoever
reads the file sees the old content or the new one, never a part of it.

The folder may belong to an account that we do not trust and that moves the files in it while we
work: what was opened is written, given away and judged by its descriptor, not by its name.
"""

import contextlib
import errno
import os
import shlex
import shutil
import stat
import tempfile
import time
from typing import IO, Any, Callable, Dict, Iterator, Optional, Tuple, Union

from lpse_ops.agent import selinux
from lpse_ops.agent.commands import Finished, run_command
from lpse_ops.agent.context import Failed
from lpse_ops.agent.fileattributes import current_umask, mode_bits
from lpse_ops.agent.writeout import WriteOut

# Either all of the content, or a function that writes it to a file.
Content = Union[bytes, Callable[[IO[bytes]], Any]]
# Looks at the finished temporary file and raises ``Failed`` if it must not take the place.
Check = Callable[[str], None]

# Errors of a rename that ``unsafe_writes`` is for: bind mounts, folders we may not write to.
_CANNOT_RENAME = (errno.EPERM, errno.EXDEV, errno.EACCES, errno.ETXTBSY, errno.EBUSY)
# Labels and access lists stay with the name; capabilities do not outlive a change of content.
_KEPT_ATTRIBUTES = ("security.selinux", "system.posix_acl_access", "user.")
_DEFAULT_MODE = 0o666
_PIECE_BYTES = 1 << 20


def write_atomically(
    path: str,
    content: Content,
    *,
    unsafe_writes: bool = False,
    mode: Any = None,
    keeps: bool = True,
    check: Optional[Check] = None,
) -> None:
    """Replace a file's content, or make the file; ``Failed`` leaves everything as it was.

    Owner, mode, label and access list of the old file stay; a new file gets the umask's mode.
    Without ``keeps`` the file is as if it were new.  ``mode`` is set, and ``check`` runs,
    before the new content shows.
    With ``unsafe_writes`` a file that cannot be replaced is overwritten where it is.
    """
    with _errors(path), _temporary(path, unsafe_writes=unsafe_writes) as (handle, temporary):
        with open(handle, "wb") as file:
            if callable(content):
                _write(content, file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
            written = _open_again(file, temporary)
        # Closed above: nobody can run, as a check may want to, what is open for writing.
        with written:
            _dress(written.fileno(), temporary, path, mode, keeps=keeps)
            if check:
                check(temporary)
            _refuse_another(written, temporary)
            _rename(written, temporary, path, unsafe_writes=unsafe_writes)


def backup(path: str) -> str:
    """Copy a file beside itself, as ``path.PID.YYYY-MM-DD@HH:MM:SS~``; return that name."""
    name = backup_name(path)
    try:
        with open(path, "rb") as source:
            # Nobody else may read it before it has the mode of what it is a copy of.
            made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with contextlib.ExitStack() as undo, open(made, "wb") as target:
                # Half a backup is worse than none.
                undo.callback(os.unlink, name)
                shutil.copyfileobj(source, target, _PIECE_BYTES)
                target.flush()
                _copy_attributes(source.fileno(), made, ("",))
                status = os.fstat(source.fileno())
                os.chown(made, status.st_uid, status.st_gid)
                os.chmod(made, stat.S_IMODE(status.st_mode))
                os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
                undo.pop_all()
    except OSError as error:
        raise Failed(f"Could not make backup of {path} to {name}: {error}") from error
    return name


def backup_name(path: str) -> str:
    """The name that a backup made now has."""
    stamp = time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime())
    number = os.getpid()
    # Items of a loop may be done by one process in one second.
    while os.path.lexists(f"{path}.{number}.{stamp}"):
        number += 1
    return f"{path}.{number}.{stamp}"


def run_validation(command: str, path: str) -> Finished:
    """Run the command that judges a file before it is used; ``%s`` in it is the file."""
    if "%s" not in command:
        raise Failed(f"validate must contain %s: {command}")
    words = [os.path.expandvars(os.path.expanduser(word)) for word in shlex.split(command)]
    argv = [word.replace("%s", path).replace("%%", "%") for word in words]
    try:
        return run_command(argv)
    except OSError as error:
        raise Failed(f"failed to validate: cannot run {argv[0]}: {error}") from error


def line_validator(command: Optional[str]) -> Optional[Check]:
    """The check that modules which edit lines make of a ``validate`` argument."""
    if not command:
        return None

    def check(path: str) -> None:
        finished = run_validation(command or "", path)
        if finished.rc != 0:
            raise Failed(line_failure(finished))

    return check


def line_failure(finished: Finished) -> str:
    """How those modules say that a validation refused the new content."""
    return f"failed to validate: rc:{finished.rc} error:{finished.stderr}"


def _write(content: Callable[[IO[bytes]], Any], file: IO[bytes]) -> None:
    content(WriteOut(file))  # type: ignore[arg-type] # all that is ever done to it is ``write``


@contextlib.contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = ""
        if error.errno in _CANNOT_RENAME:
            hint = "; unsafe_writes: true overwrites it where it is"
        raise Failed(f"cannot write {path}: {error.strerror}{hint}") from error


@contextlib.contextmanager
def _temporary(path: str, *, unsafe_writes: bool) -> Iterator[Tuple[int, str]]:
    """A new file as its descriptor, which is for the caller to close, and its name."""
    folder = os.path.dirname(path) or "."
    try:
        handle, name = tempfile.mkstemp(prefix=".lpse-ops-", suffix=".tmp", dir=folder)
    except OSError as error:
        if not unsafe_writes or error.errno not in (*_CANNOT_RENAME, errno.EROFS):
            raise
        handle, name = tempfile.mkstemp(prefix=".lpse-ops-", suffix=".tmp")
    try:
        yield handle, name
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _open_again(file: IO[bytes], name: str) -> IO[bytes]:
    """The same file for reading; ``Failed`` if the name is another one's by now."""
    # A pipe in its place must not hold us up.
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not os.path.samestat(os.fstat(file.fileno()), os.fstat(handle)):
        os.close(handle)
        raise _moved(name)
    return os.fdopen(handle, "rb")


def _refuse_another(file: IO[bytes], name: str) -> None:
    """Fail if a name is not (any more) that of the open file."""
    try:
        is_same = os.path.samestat(os.fstat(file.fileno()), os.lstat(name))
    except FileNotFoundError:
        is_same = False
    if not is_same:
        raise _moved(name)


def _moved(name: str) -> Failed:
    return Failed(f"{name} was replaced by somebody else while it was written")


def _dress(handle: int, temporary: str, path: str, mode: Any, *, keeps: bool) -> None:
    """Make the new file look like the one that it takes the place of."""
    old = os.lstat(path) if keeps and os.path.lexists(path) else None
    if old is None or not stat.S_ISREG(old.st_mode):
        _set_mode(handle, _wanted(mode, _DEFAULT_MODE & ~current_umask(), path))
        label = selinux.default_label(path) if selinux.is_enabled() else None
        if label:
            selinux.write_label(temporary, label)
        return
    # Only root may give a file away; whoever cannot becomes its owner, as with any editor.
    with contextlib.suppress(PermissionError):
        os.chown(handle, old.st_uid, old.st_gid)
    _copy_attributes(path, handle, _KEPT_ATTRIBUTES)
    _set_mode(handle, _wanted(mode, stat.S_IMODE(old.st_mode), path))


def _set_mode(handle: int, mode: int) -> None:
    # On FAT modes are all the same; one that a task asks for is judged after the file is there.
    with contextlib.suppress(PermissionError):
        os.chmod(handle, mode)


def _wanted(mode: Any, current: int, path: str) -> int:
    if mode is None:
        return current
    return stat.S_IMODE(mode_bits(mode, stat.S_IFREG | current, path))


def _copy_attributes(source: Union[int, str], target: int, kept: Tuple[str, ...]) -> None:
    # A descriptor is no link, and the system takes none for one.
    follow = isinstance(source, int)
    with contextlib.suppress(OSError):
        for name in os.listxattr(source, follow_symlinks=follow):
            if name.startswith(kept):
                with contextlib.suppress(OSError):
                    value = os.getxattr(source, name, follow_symlinks=follow)
                    os.setxattr(target, name, value)


def _rename(written: IO[bytes], temporary: str, path: str, *, unsafe_writes: bool) -> None:
    try:
        os.rename(temporary, path)
    except OSError as error:
        if not unsafe_writes or error.errno not in _CANNOT_RENAME:
            raise
        with open(path, "wb") as target:
            shutil.copyfileobj(written, target, _PIECE_BYTES)


def validation_failure(finished: Finished) -> Dict[str, Any]:
    """Keys of a result that show how the judge of a new file ended."""
    return {
        "exit_status": finished.rc,
        "stdout": finished.stdout,
        "stderr": finished.stderr,
    }
