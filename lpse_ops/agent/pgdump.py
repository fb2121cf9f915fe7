"""A database into a file and back, by ``pg_dump``, ``pg_restore`` and ``psql``.

The name of the file says its format, and how it is compressed.  A dump that failed leaves the
old file as it was.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import shlex
import shutil
import subprocess
import tempfile
from typing import IO, Any, Callable, Dict, List, NamedTuple

from lpse_ops.agent.commands import decode, english, find_program
from lpse_ops.agent.context import Failed
from lpse_ops.agent.pgsession import connection_parameters
from lpse_ops.agent.replacing import write_atomically

_PIECE_BYTES = 1 << 18
_DUMP_FORMATS = {".tar": "t", ".pgc": "c", ".dir": "d"}
_RESTORE_FORMATS = {".tar": "Tar", ".pgc": "Custom", ".dir": "Directory"}
_IN_ENVIRONMENT = {
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
_COMPRESSED: Dict[str, Callable[..., Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


class Ended(NamedTuple):
    rc: int
    stdout: str
    stderr: str


def dump(args: Dict[str, Any], target: str) -> Dict[str, Any]:
    """Write a database to a file or, if its name ends with ``.dir``, to a folder."""
    suffix = os.path.splitext(target)[1]
    argv = [_program("pg_dump"), _name_only(args["db"]), *_login_options(args)]
    if suffix in _DUMP_FORMATS:
        argv.append("--format=" + _DUMP_FORMATS[suffix])
    if args["session_role"]:
        argv.append("--role=" + args["session_role"])
    argv += _split(args, "dump_extra_args") + _split(args, "target_opts")
    environment = _environment(args)
    if "--format=d" in argv:
        shown = _shown(argv) + " -f " + shlex.quote(target)
        ended = _dump_folder(argv, target, environment)
        return _result(ended, shown)
    shown = _shown(argv) + " > " + shlex.quote(target)

    def write(file: IO[bytes]) -> None:
        ended = _dump_to(file, argv, suffix, environment)
        if ended.rc:
            _result(ended, shown)
        written.append(ended)

    written: List[Ended] = []
    write_atomically(target, write)
    return _result(written[0], shown)


def restore(args: Dict[str, Any], target: str) -> Dict[str, Any]:
    """Let the program for the file's format put its content into a database."""
    suffix = os.path.splitext(target)[1]
    options = ["--dbname=" + _name_only(args["db"]), *_login_options(args)]
    environment = _environment(args)
    if suffix in _RESTORE_FORMATS:
        argv = [_program("pg_restore"), *options, "--format=" + _RESTORE_FORMATS[suffix]]
        if args["session_role"]:
            argv.append("--role=" + args["session_role"])
        argv += [*_split(args, "target_opts"), target]
        return _result(_run(argv, environment), _shown(argv))
    argv = [_program("psql"), *options]
    if suffix == ".sql":
        argv += ["--file=" + target, *_split(args, "target_opts")]
        return _result(_run(argv, environment), _shown(argv))
    argv += _split(args, "target_opts")
    shown = "cmd: ****" if suffix in _COMPRESSED else _shown(argv) + " < " + shlex.quote(target)
    try:
        with _COMPRESSED.get(suffix, open)(target, "rb") as file:
            ended = _run(argv, environment, file)
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise Failed(f"cannot read {target}: {error}", cmd=shown) from error
    return _result(ended._replace(stdout="") if suffix in _COMPRESSED else ended, shown)


def _dump_to(file: IO[bytes], argv: List[str], suffix: str, environment: Dict[str, str]) -> Ended:
    if suffix not in _COMPRESSED:
        # The program itself writes: its own format has places in the file that it comes back to.
        return _run(argv, environment, output=file)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        if process.stdout:
            with process.stdout as stream, _compressor(suffix, file) as packed:
                shutil.copyfileobj(stream, packed, _PIECE_BYTES)
        return Ended(process.wait(), "", _read_back(errors))


def _compressor(suffix: str, file: IO[bytes]) -> Any:
    if suffix == ".gz":
        # Neither a name nor a time is in it: equal dumps are equal files.
        return gzip.GzipFile("", "wb", fileobj=file, mtime=0)
    return _COMPRESSED[suffix](file, "wb")


def _dump_folder(argv: List[str], target: str, environment: Dict[str, str]) -> Ended:
    """Dump beside the folder and rename; the program itself complains of what is there."""
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        return _run([*argv, "-f", target], environment)
    parent = os.path.dirname(target) or "."
    try:
        beside = tempfile.mkdtemp(prefix=".lpse-ops-", suffix=".tmp", dir=parent)
        try:
            ended = _run([*argv, "-f", beside], environment)
            if not ended.rc:
                os.rename(beside, target)
            return ended
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise Failed(f"cannot write {target}: {error.strerror}") from error


def _run(
    argv: List[str],
    environment: Dict[str, str],
    content: Any = None,
    output: Any = None,
) -> Ended:
    """Run a program; ``content`` is a file to be read to it, ``output`` one that it writes to."""
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL if content is None else subprocess.PIPE,
            stdout=told if output is None else output.fileno(),
            stderr=errors,
        )
        try:
            if content is not None and process.stdin:
                # It may end, or close its input, before it has read everything.
                with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                    shutil.copyfileobj(content, pipe, _PIECE_BYTES)
        finally:
            rc = process.wait()
        return Ended(rc, _read_back(told), _read_back(errors))


def _result(ended: Ended, shown: str) -> Dict[str, Any]:
    if ended.rc:
        raise Failed(ended.stderr, stdout=ended.stdout, rc=ended.rc, cmd=shown)
    return {
        "changed": True,
        "msg": ended.stdout,
        "stderr": ended.stderr,
        "rc": 0,
        "cmd": shown,
        "executed_commands": [] if shown.startswith("cmd: ") else [shown],
    }


def _name_only(database: str) -> str:
    """What libpq's programs take for nothing but this name: no option, no connection string."""
    if not database.startswith("-") and "=" not in database and "://" not in database:
        return database
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def _login_options(args: Dict[str, Any]) -> List[str]:
    parameters = connection_parameters(dict(args, connect_params={}), None)
    options = (("host", "host"), ("port", "port"), ("user", "username"))
    return [f"--{name}={parameters[key]}" for key, name in options if parameters.get(key)]


def _environment(args: Dict[str, Any]) -> Dict[str, str]:
    """What everybody could read in an argument list is in the environment."""
    parameters = connection_parameters(dict(args, connect_params={}), None)
    secret = {
        variable: parameters[key]
        for key, variable in _IN_ENVIRONMENT.items()
        if parameters.get(key)
    }
    return dict(english(os.environ), **secret)


def _split(args: Dict[str, Any], name: str) -> List[str]:
    try:
        return shlex.split(args[name] or "")
    except ValueError as error:
        raise Failed(f"{name} cannot be split into words: {error}") from error


def _program(name: str) -> str:
    program = find_program(name)
    if program is None:
        raise Failed(f'Failed to find required executable "{name}"')
    return program


def _shown(argv: List[str]) -> str:
    return " ".join(shlex.quote(word) for word in argv)


def _read_back(file: IO[bytes]) -> str:
    file.seek(0)
    return decode(file.read())
