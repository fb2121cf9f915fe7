"""SSH keys of accounts: made by ssh-keygen, which asks for the passphrase on a terminal."""

import contextlib
import os
import pty
import socket
from typing import Any, Dict, List, Optional

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
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
        os.chown(folder, uid, gid)
    for old in (path, path + ".pub"):
        # Also a link that leads nowhere: nothing may be written through it.
        if os.path.lexists(old) and not args["force"]:
            raise Failed(f"{old} is there already, and force is not set", name=args["name"])
        if os.path.lexists(old):
            os.unlink(old)
    argv = plan_keygen(args, path)
    passphrase = args["ssh_key_passphrase"]
    finished = run_command(argv) if passphrase is None else _run_on_terminal(argv, passphrase)
    if finished.rc:
        raise Failed(finished.stderr or "ssh-keygen failed", name=args["name"], rc=finished.rc)
    os.chown(path, uid, gid, follow_symlinks=False)
    os.chown(path + ".pub", uid, gid, follow_symlinks=False)


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
