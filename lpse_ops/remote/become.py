"""Another account on the host: sudo or su, asked by the login account's agent.

The password goes through the program's input, never into an argument list, and is sent once: a
wrong one must not lock the account.  What the program prints is judged by pure functions.
"""

import re
import secrets
import shlex
import time
from dataclasses import dataclass
from typing import Literal

from lpse_ops.errors import HostUnreachable, OpsError
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.nested import NestedTransport
from lpse_ops.remote.target import Become
from lpse_ops.remote.transport import Transport

_DEFAULT_FLAGS = {"sudo": "-H -S -n", "su": ""}
_QUESTION = re.compile(rb"[^\n]*(:|\xef\xbc\x9a)\s*\Z")
_NEEDS_TERMINAL = re.compile(r"must have a tty|no tty present|terminal is required", re.I)
_SHOWN = 300
_MAX_TALK_BYTES = 1 << 20
_LOOK_SECONDS = 0.1
_SECONDS_FOR_LAST_WORDS = 1.0


class BecomeRefused(OpsError):
    """The host did not let us work as the other account: the task failed, and nothing was run."""


class WrongPassword(BecomeRefused):
    """The password was tried, and must not be tried again."""


@dataclass(frozen=True)
class Request:
    """How to ask: the argument list, and what will be seen when we are asked or let through."""

    argv: tuple[str, ...]
    marker: bytes
    prompt: bytes
    on_terminal: bool


Step = Literal["wait", "answer", "through", "asked again", "no password"]


def plan_become(become: Become, command: str, *, token: str, on_terminal: bool) -> Request:
    """Return what to start so that ``command`` runs as the other account."""
    marker = f"LPSE-OPS-THROUGH-{token}"
    prompt = f"[lpse-ops {token}] password:"
    exe = shlex.split(become.exe) or [become.method]
    flags = plan_flags(become)
    inner = f"echo {marker}; {command}"
    if become.method == "su":
        argv = [*exe, *flags, become.user, "-c", inner]
        return Request(tuple(argv), marker.encode(), b"", on_terminal=True)
    question = ["-p", prompt] if become.password is not None else []
    argv = [*exe, *flags, *question, "-u", become.user, "/bin/sh", "-c", inner]
    return Request(tuple(argv), marker.encode(), prompt.encode(), on_terminal=on_terminal)


def describe(become: Become) -> str:
    """The beginning of the command line, for a person to see."""
    exe = shlex.split(become.exe) or [become.method]
    user = [become.user] if become.method == "su" else ["-u", become.user]
    return shlex.join([*exe, *plan_flags(become), *user])


def plan_flags(become: Become) -> list[str]:
    """The site's flags, so that sudo reads a password from its input exactly if there is one."""
    default = _DEFAULT_FLAGS.get(become.method, "")
    flags = shlex.split(default if become.flags is None else become.flags)
    if become.method != "sudo" or become.password is None:
        return flags
    short = [_without_n(flag) for flag in flags if flag != "--non-interactive"]
    kept = [flag for flag in short if flag]
    reads = any(flag == "--stdin" or re.match(r"-[a-zA-Z]*S", flag) for flag in kept)
    return kept if reads else [*kept, "-S"]


def next_step(request: Request, become: Become, output: bytes, errors: bytes, answers: int) -> Step:
    """Say what to do after what was seen so far."""
    if request.marker in output:
        return "through"
    if request.prompt:
        questions = (output + errors).count(request.prompt)
    else:
        questions = 1 if _QUESTION.search(output) else 0
    if questions <= answers:
        return "wait"
    if become.password is None:
        return "no password"
    return "answer" if answers == 0 else "asked again"


def explain_refusal(name: str, become: Become, said: str) -> BecomeRefused:
    """Why we are not let through, from what the program printed."""
    who = f"{become.method} to {become.user} on {name}"
    lower = said.lower()
    if "password is required" in lower or "no password" in lower:
        return BecomeRefused(
            f"{who} needs a password",
            hint="run again with --ask-become-pass, or set ansible_become_password in a vault file",
        )
    if re.search(r"try again|incorrect password|authentication failure|asked again", lower):
        return WrongPassword(
            f"incorrect {become.method} password for {become.user} on {name}",
            hint="give the login account's password for sudo, the other account's for su",
        )
    if re.search(r"not in the sudoers|not allowed to|may not run|permission denied", lower):
        return BecomeRefused(
            f"{who} is not allowed: {said}",
            hint="allow it with visudo on the host; the rule must let the account run /bin/sh",
        )
    if _NEEDS_TERMINAL.search(said):
        return BecomeRefused(
            f"{who} needs a terminal: {said}",
            hint="take 'Defaults requiretty' out of /etc/sudoers with visudo on the host",
        )
    return BecomeRefused(
        f"{who} failed" + (f": {said}" if said else ""),
        hint="log in by hand and try the same",
    )


def open_become(
    link: AgentLink, become: Become, command: str, timeout_seconds: float
) -> NestedTransport:
    """Run a command as the other account; it has not read anything of its input yet."""
    if become.method not in _DEFAULT_FLAGS:
        raise BecomeRefused(
            f"{link.name}: there is no become method {become.method!r}",
            hint="set become_method to sudo or su",
        )
    try:
        return _ask(link, become, command, timeout_seconds, on_terminal=False)
    except _NeedsTerminal:
        return _ask(link, become, command, timeout_seconds, on_terminal=True)


class _NeedsTerminal(Exception):
    """sudo wants a terminal, so it gets one."""


def _ask(
    link: AgentLink, become: Become, command: str, timeout_seconds: float, *, on_terminal: bool
) -> NestedTransport:
    request = plan_become(become, command, token=secrets.token_hex(8), on_terminal=on_terminal)
    transport = NestedTransport(link, request.argv, on_terminal=request.on_terminal)
    try:
        talk(link.name, transport, request, become, timeout_seconds)
    except OSError as error:
        raise _lost(link, error) from error
    except BaseException:
        transport.close()
        raise
    return transport


def _lost(link: AgentLink, error: OSError) -> HostUnreachable:
    """Why the line to the program broke: most often because the link did."""
    if isinstance(error.__cause__, HostUnreachable):
        return error.__cause__
    return HostUnreachable(
        f"{link.name}: the connection broke ({error})", hint="see whether the host is up"
    )


def talk(
    name: str,
    transport: Transport,
    request: Request,
    become: Become,
    timeout_seconds: float,
) -> bytes:
    """Answer the question, if there is one; when we are through return what came after that."""
    deadline = time.monotonic() + timeout_seconds
    output = b""
    answers = 0
    while (step := next_step(request, become, output, transport.errors(), answers)) != "through":
        if step == "answer":
            transport.send((become.password or "").encode() + b"\n")
            answers += 1
            # Only a question that is asked from now on is another one.
            output = output if request.prompt else b""
        elif step != "wait":
            raise explain_refusal(name, become, step)
        # Not every transport wakes up for a question on stderr.
        received = transport.receive(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
        if received == b"":
            # What it wrote last to stderr may come a moment later.
            transport.status(_SECONDS_FOR_LAST_WORDS)
            said = _words(output + b"\n" + transport.errors(), request, become)
            if _NEEDS_TERMINAL.search(said) and not request.on_terminal:
                raise _NeedsTerminal
            raise explain_refusal(name, become, said)
        output += received or b""
        if len(output) > _MAX_TALK_BYTES:
            raise explain_refusal(name, become, "it never stops talking")
        if time.monotonic() >= deadline:
            said = _words(output + b"\n" + transport.errors(), request, become)
            raise HostUnreachable(
                f"{name}: {become.method} did not let us through in time"
                + f": {said}" * bool(said),
                hint="try the same by hand; give it more time with --timeout",
            )
    return output.partition(request.marker)[2].partition(b"\n")[2]


def _words(output: bytes, request: Request, become: Become) -> str:
    """What was said, as it may be shown: without our question, and without the answer."""
    output = output.replace(request.prompt, b"")
    if become.password:
        # While it is whole: below it may be cut, or have signs that are not shown.
        output = output.replace(become.password.encode(), b"***")
    text = output.decode(errors="replace")
    words = " / ".join(line.strip() for line in text.splitlines() if line.strip())
    return "".join(char if char.isprintable() else "?" for char in words)[-_SHOWN:]


def _without_n(flag: str) -> str:
    if flag.startswith("--") or not flag.startswith("-"):
        return flag
    shorter = flag.replace("n", "")
    return "" if shorter == "-" else shorter
