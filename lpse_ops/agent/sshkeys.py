"""SSH keys of accounts: made by ssh-keygen, which asks for the passphrase on a terminal.

The folder they go to is the account's, which can put links in it at any time: ssh-keygen, which
follows them, works in a folder of ours, and nothing of the account's is opened by its path.
"""

import contextlib
import os
import pty
import socket
import tempfile
from typing import Any, Dict, Iterator, List, Optional

from lpse_ops.agent.commands import Finished, decode, run_command
from lpse_ops.agent.context import Failed

_PIECE_BYTES = 4096
# A prompt appears at once; what is silent for longer waits for something we do not know.
_PROMPTS = 2


def key_path(args: Dict[str, Any], home: str) -> str:
    """Path of the private key, seen from the account's home."""
    return os.path.join(home, args["ssh_key_file"] or ".ssh/id_" + args["ssh_key_type"])


def plan_keygen(args: Dict[str, Any], path: str) -> List[str]:
    """Return the ssh-keygen command; an empty passphrase is no secret."""
    words = ["ssh-keygen", "-q", "-t", args["ssh_key_type"], "-f", path]
    if args["ssh_key_bits"]:
        words += ["-b", str(args["ssh_key_bits"])]
    words += ["-C", args["ssh_key_comment"] or "ansible-generated on " + socket.gethostname()]
    return words if args["ssh_key_passphrase"] is not None else [*words, "-N", ""]


def generate_key(args: Dict[str, Any], path: str, uid: int, gid: int) -> None:
    """Make a key pair that belongs to the account; with ``force`` it takes an old one's place."""
    with _folder_of_account(args, os.path.dirname(path), uid, gid) as folder:
        names = [os.path.basename(path), os.path.basename(path) + ".pub"]
        # Also a link that leads nowhere is one that is there.
        found = [name for name in names if name in os.listdir(folder)]
        if found and not args["force"]:
            old = os.path.join(os.path.dirname(path), found[0])
            raise Failed(f"{old} is there already, and force is not set", name=args["name"])
        with tempfile.TemporaryDirectory(prefix="lpse-ops-") as ours:
            made = os.path.join(ours, "key")
            _run_keygen(args, made)
            for name in found:
                os.unlink(name, dir_fd=folder)
            _copy_to(folder, names[0], made, 0o600, uid, gid)
            _copy_to(folder, names[1], made + ".pub", 0o644, uid, gid)


def describe_key(path: str) -> Dict[str, Optional[str]]:
    """Fingerprint, name and public half of a key; ssh-keygen's complaint where it has one."""
    facts: Dict[str, Optional[str]] = {"ssh_key_file": path}
    facts.update(ssh_fingerprint="", ssh_public_key=None)
    if os.path.exists(path):
        finished = run_command(["ssh-keygen", "-l", "-f", path])
        facts["ssh_fingerprint"] = (finished.stderr if finished.rc else finished.stdout).strip()
        with contextlib.suppress(OSError), open(path + ".pub", "rb") as stream:
            facts["ssh_public_key"] = decode(stream.read()).strip()
    return facts


@contextlib.contextmanager
def _folder_of_account(args: Dict[str, Any], path: str, uid: int, gid: int) -> Iterator[int]:
    """A descriptor of the folder, made if it is missing; ``Failed`` if it is not the account's."""
    is_new = not os.path.lexists(path)
    if is_new:
        os.mkdir(path, 0o700)
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        message = f"{path} is a link or no folder: no key is made there"
        raise Failed(message, name=args["name"]) from error
    try:
        if is_new:
            os.chown(folder, uid, gid)
        # Who names a path outside of the home may mean one of root's.
        owners = (uid, 0) if os.path.isabs(args["ssh_key_file"] or "") else (uid,)
        if os.fstat(folder).st_uid not in owners:
            message = f"{path} does not belong to the account: no key is made there"
            raise Failed(message, name=args["name"])
        yield folder
    finally:
        os.close(folder)


def _run_keygen(args: Dict[str, Any], path: str) -> None:
    argv = plan_keygen(args, path)
    passphrase = args["ssh_key_passphrase"]
    finished = run_command(argv) if passphrase is None else _run_on_terminal(argv, passphrase)
    if finished.rc:
        raise Failed(finished.stderr or "ssh-keygen failed", name=args["name"], rc=finished.rc)


def _copy_to(folder: int, name: str, source: str, mode: int, uid: int, gid: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(source, "rb") as key, open(os.open(name, flags, mode, dir_fd=folder), "wb") as target:
        target.write(key.read())
        os.chown(target.fileno(), uid, gid)
        os.chmod(target.fileno(), mode)


def _run_on_terminal(argv: List[str], passphrase: str) -> Finished:
    """Run ssh-keygen on a terminal of its own and type the passphrase at both prompts."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execvp(argv[0], argv)  # noqa: S606
        finally:
            # Never go on as a second copy of the task.
            os._exit(127)
    said = b""
    answered = 0
    while True:
        try:
            piece = os.read(terminal, _PIECE_BYTES)
        except OSError:
            break
        if not piece:
            break
        said += piece
        if (
            answered < _PROMPTS
            and said.lower().count(b"passphrase") > answered
            and said.endswith(b": ")
        ):
            os.write(terminal, passphrase.encode() + b"\n")
            answered += 1
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return Finished(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1, "", decode(said))
