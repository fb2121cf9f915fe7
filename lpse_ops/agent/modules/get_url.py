"""The ``get_url`` module: a file of the web gets a place on this host.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  The content
goes to a file beside its place, or in ``tmp_dest``, while its checksums are computed; only what is
whole and has the wanted checksum ever shows.
"""

import hashlib
import os
import tempfile
from typing import IO, Any, Callable, Dict, Optional

from lpse_ops.agent import replacing
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import describe, digest_of, md5_of
from lpse_ops.agent.httpchecksum import Checksum, parse_checksum, url_filename
from lpse_ops.agent.httprequest import (
    LIMIT_BYTES,
    WEB_ARGUMENTS,
    Answer,
    Watch,
    asked_of,
    mask_url,
    named_in_header,
    open_answer,
    route_of,
)

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    dict(FILE_ARGUMENTS, **WEB_ARGUMENTS),
    dest={"type": "path", "required": True},
    backup={"type": "bool", "default": False},
    checksum={"type": "str", "default": ""},
    timeout={"type": "int", "default": 10},
    headers={"type": "dict"},
    tmp_dest={"type": "path"},
    url_username={"type": "str", "aliases": ["username"]},
    url_password={"type": "str", "aliases": ["password"], "no_log": True},
)
CHECK_MODE = "full"

Result = Dict[str, Any]


def run(args: Dict[str, Any], context: Context) -> Result:
    """Fetch the file, unless it is there already and has the checksum or is not newer."""
    result: Result = {"changed": False, "dest": args["dest"], "elapsed": 0}
    result["url"] = mask_url(args["url"])
    try:
        done = _fetch(args, context, result)
    except Failed as failed:
        failed.result = {**result, **failed.result}
        failed.result = {**describe(failed.result["dest"]), **failed.result}
        raise
    return {**describe(done["dest"]), **done}


def _fetch(args: Dict[str, Any], context: Context, result: Result) -> Result:
    dest = args["dest"]
    checksum = parse_checksum(args["checksum"], args["url"], lambda url: _read_text(url, args))
    is_file = os.path.exists(dest) and not os.path.isdir(dest)
    force = args["force"]
    if is_file and checksum and not force:
        if digest_of(dest, checksum.algorithm) == checksum.digest:
            return _keep(args, context, result)
        # The file is the wrong one, however new it is.
        force = True
    watch = Watch()
    answer = _ask(args, context, force=force, modified=os.path.getmtime(dest) if is_file else None)
    try:
        result["elapsed"] = watch.elapsed()
        if answer.status == 304:
            shown = {key: result[key] for key in ("url", "dest", "changed", "elapsed")}
            return dict(shown, msg=answer.info["msg"], status_code=304)
        _refuse_failure(answer, args["url"])
        result["dest"] = _place_of(answer, dest)
        return _take(answer, checksum, args, context, result)
    finally:
        result["elapsed"] = watch.elapsed()
        if answer.body:
            answer.body.close()


def _keep(args: Dict[str, Any], context: Context, result: Result) -> Result:
    changed = apply_file_arguments(args["dest"], args, context)
    more = " but file attributes changed" if changed else ""
    result.update(checksum_dest=None, checksum_src=None, changed=changed)
    return dict(result, msg="file already exists" + more)


def _ask(
    args: Dict[str, Any], context: Context, *, force: bool, modified: Optional[float]
) -> Answer:
    method = "HEAD" if context.check_mode else "GET"
    asked = asked_of(args, force=force, modified_since=modified, method=method)
    return open_answer(asked, route_of(args))


def _read_text(url: str, args: Dict[str, Any]) -> str:
    """The text at another URL, got in the same way."""
    answer = open_answer(asked_of(args, url=url), route_of(args))
    _refuse_failure(answer, url)
    if answer.body is None:
        raise Failed(f"there is nothing at {mask_url(url)}")
    try:
        return answer.body.read(LIMIT_BYTES).decode("utf-8", "surrogateescape")
    finally:
        answer.body.close()


def _refuse_failure(answer: Answer, url: str) -> None:
    shown = mask_url(url)
    if answer.status == -1:
        raise Failed(answer.info["msg"], url=shown)
    if answer.status == 200 or (answer.body and url.startswith(("file:/", "ftp:/"))):
        return
    message = answer.info["msg"]
    raise Failed("Request failed", status_code=answer.status, response=message, url=shown)


def _place_of(answer: Answer, dest: str) -> str:
    if not os.path.isdir(dest):
        return dest
    name = named_in_header(answer.headers) or url_filename(answer.info["url"])
    return os.path.join(dest, name)


def _take(
    answer: Answer,
    checksum: Optional[Checksum],
    args: Dict[str, Any],
    context: Context,
    result: Result,
) -> Result:
    dest = result["dest"]
    _refuse_bad_place(dest)
    result.update(checksum_dest=digest_of(dest), checksum_src=None)
    if context.check_mode:
        # Of the web nothing came: what it is, only the real run can see.
        summing = _Summing(None)
        if answer.body:
            answer.body.copy_to(summing)
        result["checksum_src"] = summing.sha1.hexdigest()
        changed = result["checksum_src"] != result["checksum_dest"]
        return dict(result, changed=changed, msg=answer.info["msg"])
    result["changed"] = _write(answer, checksum, args, result)
    result["changed"] = apply_file_arguments(dest, args, context, result["changed"])
    known = {"md5sum": md5_of(dest), "msg": answer.info["msg"]}
    return dict(result, status_code=answer.info["status"], **known)


def _refuse_bad_place(dest: str) -> None:
    folder = os.path.dirname(dest) or "."
    if os.path.isdir(dest):
        raise Failed(f"Destination {dest} is a directory")
    if os.path.exists(dest):
        for way, word in ((os.W_OK, "writable"), (os.R_OK, "readable")):
            if not os.access(dest, way):
                raise Failed(f"Destination {dest} is not {word}")
    elif not os.path.exists(folder):
        raise Failed(f"Destination {folder} does not exist")
    elif not os.access(folder, os.W_OK):
        raise Failed(f"Destination {folder} is not writable")


class _Same(Exception):
    """What came is what was there."""


def _write(
    answer: Answer, checksum: Optional[Checksum], args: Dict[str, Any], result: Result
) -> bool:
    """Put the content in its place; False if it is there already."""
    summing = _Summing(checksum.algorithm if checksum else None)

    def check(temporary: str) -> None:
        result["src"] = temporary
        result["checksum_src"] = summing.sha1.hexdigest()
        actual = summing.wanted.hexdigest()
        if checksum and actual != checksum.digest:
            text = "The checksum for {} did not match {}; it was {}."
            raise Failed(text.format(temporary, checksum.digest, actual))
        if result["checksum_src"] == result["checksum_dest"]:
            raise _Same
        if args["backup"] and os.path.exists(result["dest"]):
            result["backup_file"] = replacing.backup(result["dest"])

    def fetch(file: IO[bytes]) -> None:
        if answer.body:
            answer.body.copy_to(summing.into(file))

    try:
        _place(fetch, check, args, result["dest"])
    except _Same:
        return False
    return True


def _place(
    fetch: Callable[[IO[bytes]], None],
    check: replacing.Check,
    args: Dict[str, Any],
    dest: str,
) -> None:
    unsafe = args["unsafe_writes"]
    folder = args["tmp_dest"]
    if not folder:
        replacing.write_atomically(
            dest, fetch, unsafe_writes=unsafe, mode=args["mode"], check=check
        )
        return
    if not os.path.isdir(folder):
        is_file = os.path.exists(folder)
        word = "is a file but should be a directory." if is_file else "directory does not exist."
        raise Failed(f"{folder} {word}")
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        fetch(file)
        file.flush()
        check(file.name)
        with open(file.name, "rb") as whole:
            replacing.write_atomically(
                dest,
                lambda target: _copy(whole, target),
                unsafe_writes=unsafe,
                mode=args["mode"],
            )


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    for piece in iter(lambda: source.read(1 << 20), b""):
        target.write(piece)


class _Summing:
    """Writes on, and computes what the content's checksums are."""

    def __init__(self, algorithm: Optional[str]) -> None:
        self.sha1 = hashlib.sha1()
        self.wanted = hashlib.new(algorithm) if algorithm else self.sha1
        self._digests = [self.sha1, self.wanted] if algorithm else [self.sha1]
        self._file: Optional[IO[bytes]] = None

    def into(self, file: IO[bytes]) -> "_Summing":
        self._file = file
        return self

    def write(self, piece: bytes) -> int:
        for digest in self._digests:
            digest.update(piece)
        return self._file.write(piece) if self._file else len(piece)
