"""The ``hostname`` module: the name of the host, now and after the next boot."""

import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.facts.distribution import read_distribution
from lpse_ops.agent.facts.hostfiles import read_text
from lpse_ops.agent.facts.platform import read_fqdn
from lpse_ops.agent.facts.system import read_service_manager
from lpse_ops.agent.replacing import write_atomically

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "use": {
        "type": "str",
        "choices": ["alpine", "debian", "openrc", "redhat", "sles", "systemd"],
    },
}
CHECK_MODE = "full"

# As many as the kernel takes.
_MOST_LETTERS = 64
_FAMILIES = {
    "Alpine": "alpine",
    "Archlinux": "debian",
    "Debian": "debian",
    "Gentoo": "openrc",
    "RedHat": "redhat",
    "Suse": "sles",
}


class File(NamedTuple):
    """Where the name is kept for the next boot, and which line of the file that is."""

    path: str
    # Without one the name is all that the file holds.
    pattern: Optional[str] = None
    line: str = "{}"

    def find(self, text: str) -> str:
        """The name that a file says."""
        if self.pattern is None:
            return text.strip()
        found = re.search(self.pattern, text, re.MULTILINE)
        if found is None:
            raise Failed(f"Unable to locate HOSTNAME entry in {self.path}")
        return found.group(1)

    def render(self, text: str, name: str) -> str:
        """The text with the name; all other lines stay."""
        line = self.line.format(name)
        if self.pattern is None:
            return line + "\n"
        return re.sub(self.pattern, lambda _: line, text, flags=re.MULTILINE)


FILES = {
    "alpine": File("/etc/hostname"),
    "debian": File("/etc/hostname"),
    "openrc": File("/etc/conf.d/hostname", r'^hostname=["\']?([^"\'\n]*)["\']?$', 'hostname="{}"'),
    "redhat": File("/etc/sysconfig/network", r'^HOSTNAME=["\']?([^"\'\n]*)["\']?$', "HOSTNAME={}"),
    "sles": File("/etc/HOSTNAME"),
}


class _Strategy(NamedTuple):
    """How this host keeps its name; by files it has it at the next boot only, except Alpine."""

    read_current: Callable[[], str]
    read_permanent: Callable[[], str]
    set_current: Callable[[str], None]
    set_permanent: Callable[[str], None]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Have the name be the one asked for, and return the facts that follow from it."""
    name = args["name"]
    use = decide_use(
        args["use"], read_service_manager()["service_mgr"], read_distribution()["os_family"]
    )
    check_name(name, use)
    strategy = _systemd() if use == "systemd" else _of_file(FILES[use], is_alpine=use == "alpine")
    current, permanent = strategy.read_current(), strategy.read_permanent()
    if not context.check_mode:
        if current != name:
            strategy.set_current(name)
        if permanent != name:
            strategy.set_permanent(name)
    changed = name not in (current, permanent) or current != permanent
    result: Dict[str, Any] = {"changed": changed, "name": name, "ansible_facts": _facts(name)}
    if changed:
        before = permanent if current == name else current
        result["diff"] = {"after": f"hostname = {name}\n", "before": f"hostname = {before}\n"}
    return result


def check_name(name: str, use: str) -> None:
    """Raise for what is no name of a host."""
    if use == "systemd" and len(name) > _MOST_LETTERS:
        text = "name cannot be longer than 64 characters on systemd servers, try a shorter name"
        raise Failed(text)
    if not re.match(r"[^\s/-][^\s/]*\Z", name):
        raise Failed(f"name is no host name: {name!r}")


def decide_use(asked: Optional[str], manager: str, family: str) -> str:
    """The way of this host, or the one asked for; Debian's is systemd's where that runs."""
    if asked and asked != "debian":
        return asked
    if manager == "systemd":
        return "systemd"
    if asked or family in _FAMILIES:
        return asked or _FAMILIES[family]
    text = f"hostname module cannot be used on {family}: say how by use: debian or another one"
    raise Failed(text)


def _facts(name: str) -> Dict[str, str]:
    fqdn = read_fqdn(os.uname().nodename)
    return {
        "ansible_hostname": name.partition(".")[0],
        "ansible_nodename": name,
        "ansible_fqdn": fqdn,
        "ansible_domain": fqdn.partition(".")[2],
    }


def _systemd() -> _Strategy:
    def set_permanent(name: str) -> None:
        _run(["hostnamectl", "--pretty", "set-hostname", name])
        _run(["hostnamectl", "--static", "set-hostname", name])

    def set_current(name: str) -> None:
        _run(["hostnamectl", "--transient", "set-hostname", name])

    return _Strategy(
        lambda: os.uname().nodename,
        lambda: _run(["hostnamectl", "--static", "status"]).strip(),
        set_current,
        set_permanent,
    )


def _of_file(file: File, *, is_alpine: bool) -> _Strategy:
    def read() -> str:
        return file.find(read_text(file.path))

    def set_permanent(name: str) -> None:
        text = read_text(file.path)
        content = file.render(text + "\n" if text else "", name)
        # In a container it is mounted there, and cannot be another file.
        write_atomically(file.path, content.encode("utf-8"), unsafe_writes=True)
        if is_alpine:
            _run(["hostname", "-F", file.path])

    return _Strategy(read, read, lambda _: None, set_permanent)


def _run(argv: List[str]) -> str:
    program = find_program(argv[0])
    if program is None:
        raise Failed(f'Failed to find required executable "{argv[0]}"')
    done = run_command([program, *argv[1:]])
    if done.rc:
        raise Failed(f"Command failed rc={done.rc}, out={done.stdout}, err={done.stderr}")
    return done.stdout
