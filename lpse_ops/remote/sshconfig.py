"""What ``~/.ssh/config`` and ``/etc/ssh/ssh_config`` say about a host, as far as we heed it.

The files are parsed by paramiko; ``Include`` lines are put in before that, which it passes over.
"""

import glob
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paramiko.config import SSHConfig
from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

from lpse_ops.errors import HostUnreachable

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_MAX_INCLUDES = 16
_MAX_JUMPS = 8
_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class SshSettings:
    """How to reach one machine; ``name`` is what it was asked for as."""

    name: str
    host: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    # Empty: no agent.
    agent_socket: str = ""
    forward_agent: bool = False
    known_hosts: tuple[Path, ...] = ()
    host_key_alias: str = ""
    # yes, accept-new or no
    strict: str = "yes"
    jumps: tuple[str, ...] = ()
    proxy_command: str = ""

    @property
    def shown(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


@dataclass(frozen=True)
class Wanted:
    """A machine as it was asked for; what is given here wins over the files."""

    name: str
    port: int | None = None
    user: str = ""


Look = Callable[[Wanted], SshSettings]


def read_config(paths: Sequence[Path]) -> str:
    """The text of all files in order; those that are not there say nothing."""
    # A file begins anew, outside of the last block of the one before it.
    return "\nHost *\n".join(_expand(path, "Host *", _MAX_INCLUDES) for path in paths)


def _expand(path: Path, block: str, left: int) -> str:
    """A file's text with what it includes; a block goes on after an ``Include`` inside of it."""
    try:
        with path.open(errors="replace") as stream:
            lines = stream.read(_MAX_BYTES).splitlines()
    except OSError:
        return ""
    done: list[str] = []
    for line in lines:
        keyword, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if keyword.lower() in ("host", "match"):
            block = line
        if keyword.lower() == "include" and left:
            done += [_expand(each, block, left - 1) for each in _included(rest, path)]
            done.append(block)
        else:
            done.append(line)
    return "\n".join(done)


def _included(patterns: str, path: Path) -> list[Path]:
    found: list[str] = []
    for word in patterns.split():
        pattern = os.path.expanduser(word.strip('"'))
        found += sorted(glob.glob(os.path.join(path.parent, pattern)))
    return [Path(name) for name in found]


def parse_settings(
    text: str, wanted: Wanted, *, environment: Mapping[str, str], home: Path, local_user: str
) -> SshSettings:
    """Return what holds for one machine; HostUnreachable when the files make no sense."""
    given = [f"Port {wanted.port}"] if wanted.port else []
    given += [f"User {wanted.user}"] if wanted.user else []
    if any("\n" in line for line in (wanted.name, *given)):
        raise HostUnreachable(
            f"{wanted.name!r} cannot be a host", hint="correct ansible_host and ansible_user"
        )
    # What comes first wins, so that tokens such as %r know of it as well.
    prelude = "\n".join(["Host *", *given])
    try:
        found = SSHConfig.from_text(f"{prelude}\nHost *\n{text}").lookup(wanted.name)
        port = int(found.get("port", 22))
    except (ConfigParseError, CouldNotCanonicalize, ValueError, KeyError, OSError) as error:
        raise HostUnreachable(
            f"the ssh configuration for {wanted.name} cannot be used: {error}",
            hint=f"correct ~/.ssh/config until `ssh -G {wanted.name}` is content",
        ) from error
    jumps = _jumps(found.get("proxyjump") or "")
    return SshSettings(
        name=wanted.name,
        host=found["hostname"],
        port=port,
        user=found.get("user", local_user),
        identity_files=_paths(found.get("identityfile", []), home),
        certificate_files=_paths([found.get("certificatefile", "none")], home),
        identities_only=_is_yes(found.get("identitiesonly")),
        agent_socket=_agent_socket(found.get("identityagent"), environment, home),
        forward_agent=_is_yes(found.get("forwardagent")),
        known_hosts=(
            *_paths(_words(found, "userknownhostsfile", "~/.ssh/known_hosts"), home),
            *_paths(_words(found, "globalknownhostsfile", "/etc/ssh/ssh_known_hosts"), home),
        ),
        host_key_alias=found.get("hostkeyalias", ""),
        strict=_strictness(found.get("stricthostkeychecking", "ask")),
        jumps=jumps,
        proxy_command="" if jumps else found.get("proxycommand") or "",
    )


def plan_route(wanted: Wanted, look: Look, *, depth: int = 0) -> list[SshSettings]:
    """All machines on the way to a host, the nearest first and the host itself last.

    Only the first jump host is reached the way its own settings say, as with OpenSSH.
    """
    settings = look(wanted)
    jumps = [] if _leads_to_itself(settings, look) else settings.jumps
    if depth > _MAX_JUMPS or len(jumps) > _MAX_JUMPS:
        raise HostUnreachable(
            f"the jump hosts of {wanted.name} go round in circles",
            hint="give the jump host `ProxyJump none` in ~/.ssh/config",
        )
    if not jumps:
        return [settings]
    first = plan_route(parse_jump(jumps[0]), look, depth=depth + 1)
    return [*first, *(look(parse_jump(jump)) for jump in jumps[1:]), settings]


def parse_jump(text: str) -> Wanted:
    """Read ``[user@]host[:port]`` or ``ssh://...``."""
    user, _, place = text.strip().removeprefix("ssh://").rstrip("/").rpartition("@")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.endswith("]")):
        host, port = place, ""
    return Wanted(host.strip("[]"), int(port) if port else None, user)


def _leads_to_itself(settings: SshSettings, look: Look) -> bool:
    """Whether a ``Host *`` block names the jump host for the jump host itself too."""
    if not settings.jumps:
        return False
    last = look(parse_jump(settings.jumps[-1]))
    return (last.host, last.port) == (settings.host, settings.port)


def _jumps(value: str) -> tuple[str, ...]:
    return () if value.lower() == "none" else tuple(filter(None, value.split(",")))


def _words(found: Mapping[str, str], name: str, default: str) -> list[str]:
    return found.get(name, default).replace('"', "").split()


def _paths(names: Sequence[str], home: Path) -> tuple[Path, ...]:
    """Paths with the home folder filled in."""
    kept = [name.strip('"') for name in names if name.lower() != "none"]
    return tuple(home / name[2:] if name.startswith("~/") else Path(name) for name in kept)


def _is_yes(value: str | None) -> bool:
    return (value or "no").lower() in ("yes", "true")


def _agent_socket(value: str | None, environment: Mapping[str, str], home: Path) -> str:
    """Where the agent listens: the setting, else what ``SSH_AUTH_SOCK`` says."""
    if value is None or value == "SSH_AUTH_SOCK":
        return environment.get("SSH_AUTH_SOCK", "")
    if value.startswith("$"):
        return environment.get(value.strip("${}"), "")
    return next(map(str, _paths([value], home)), "")


def _strictness(value: str) -> str:
    """Nobody can be asked while many hosts are at work, so ``ask`` means yes."""
    value = value.lower()
    if value in ("no", "off"):
        return "no"
    return value if value == "accept-new" else "yes"
