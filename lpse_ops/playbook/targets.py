"""How to reach a host for a task: variables over keywords, keywords over the command line."""

import shlex
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Sealed, Text
from lpse_ops.playbook.flags import as_flag, as_number
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.searchpath import expand
from lpse_ops.remote.target import Become, Target
from lpse_ops.templating.embedded import is_template

LOCALHOST = frozenset({"localhost", "127.0.0.1", "::1"})
_SSH = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh", "openssh"})
# What each setting may be called in variables, the strongest name first.
_USER = ("ansible_user", "ansible_ssh_user")
_PASSWORD = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")
_KEY = ("ansible_private_key_file", "ansible_ssh_private_key_file")
_METHODS = ("sudo", "su")
# All variables and keywords that a target depends on.
VARIABLES = frozenset(
    {
        *_USER,
        *_PASSWORD,
        *_KEY,
        *("ansible_connection", "ansible_host", "ansible_ssh_host", "ansible_port"),
        *("ansible_ssh_port", "ansible_timeout", "ansible_python_interpreter"),
        *("ansible_host_key_checking", "ansible_ssh_host_key_checking"),
        *("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_become"),
        *("ansible_become_password", "ansible_become_pass", "ansible_become_method"),
        *(f"ansible_become_{each}" for each in ("user", "exe", "flags")),
        *(f"ansible_{method}_{each}" for method in _METHODS for each in ("user", "exe", "flags")),
        *(f"ansible_{method}_{each}" for method in _METHODS for each in ("pass", "password")),
    }
)
_FINAL = frozenset({str, int, float, bool, type(None), Sealed})
KEYWORDS = ("connection", "port", "remote_user", "become", "become_method", "become_user",
            "become_exe", "become_flags")  # fmt: skip


@dataclass(frozen=True)
class Defaults:
    """What the command line and ``ansible.cfg`` say; passwords may be secret and are not shown."""

    connection: str = "ssh"
    user: str = ""
    port: int | None = None
    private_key_file: str = ""
    ssh_common_args: str = ""
    ssh_extra_args: str = ""
    timeout_seconds: float = 10
    host_key_checking: bool = True
    python: str = ""
    become: bool = False
    become_method: str = "sudo"
    become_user: str = "root"
    become_exe: str = ""
    become_flags: str = ""
    password: str | None = field(default=None, repr=False)
    become_password: str | None = field(default=None, repr=False)


class TargetReader:
    """``read`` gives the evaluated value of a name or None: the variables of the host to reach."""

    def __init__(
        self, name: str, task: Task, read: Callable[[str], Any], keyword: Callable[[str], Any],
        defaults: Defaults,
    ) -> None:  # fmt: skip
        self._name = name
        self._task = task
        self._read = read
        self._keyword = keyword
        self._defaults = defaults

    def target(self) -> Target:
        """Raises ``PlaybookError`` for a connection that there is not."""
        defaults = self._defaults
        connection = str(
            self._first("ansible_connection") or self._keyword("connection") or defaults.connection
        ).removeprefix("ansible.builtin.")
        become = self._become()
        if connection == "local":
            return Target(self._name, "local", python=self._python(), become=become)
        if connection not in _SSH:
            raise PlaybookError(
                f"{self._task.origin}: there is no connection {connection!r} here",
                hint="use ssh, paramiko or local; others: run the play with ansible-playbook",
            )
        port = self._first("ansible_port", "ansible_ssh_port") or self._keyword("port")
        user = self._first(*_USER) or self._keyword("remote_user") or defaults.user
        key = self._first(*_KEY) or defaults.private_key_file
        checked = self._first("ansible_host_key_checking", "ansible_ssh_host_key_checking")
        return Target(
            name=self._name,
            connection="paramiko" if connection.startswith("paramiko") else "ssh",
            host=str(self._first("ansible_host", "ansible_ssh_host") or ""),
            port=int(as_number("ansible_port", port)) if port else defaults.port,
            user=str(user or ""),
            password=self._secret(*_PASSWORD) or defaults.password,
            private_key_file=expand(str(key)) if key else None,
            ssh_common_args=self._ssh_args(),
            python=self._python(),
            become=become,
            timeout_seconds=as_number(
                "ansible_timeout", self._first("ansible_timeout"), default=defaults.timeout_seconds
            ),
            host_key_checking=defaults.host_key_checking
            if checked is None
            else as_flag("ansible_host_key_checking", checked),
        )

    def _become(self) -> Become | None:
        defaults = self._defaults
        wanted = self._first("ansible_become")
        if wanted is None:
            wanted = self._keyword("become")
        if not as_flag("become", wanted, default=defaults.become):
            return None
        method = str(
            self._first("ansible_become_method")
            or self._keyword("become_method")
            or defaults.become_method
        ).removeprefix("ansible.builtin.")
        if method not in _METHODS:
            raise PlaybookError(
                f"{self._task.origin}: there is no become method {method!r} here",
                hint="use sudo or su; others: run the play with ansible-playbook",
            )
        flags = self._own("become_flags", method)
        return Become(
            method=method,
            user=str(self._own("become_user", method) or "root"),
            password=self._secret(
                "ansible_become_password",
                "ansible_become_pass",
                f"ansible_{method}_pass",
                f"ansible_{method}_password",
            )
            or defaults.become_password,
            exe=str(self._own("become_exe", method) or ""),
            flags=str(flags) if flags else None,
        )

    def _own(self, name: str, method: str) -> Any:
        """A setting of become: a variable, a keyword, or the default."""
        short = name.removeprefix("become_")
        value = self._first(f"ansible_{name}", f"ansible_{method}_{short}")
        if value is None:
            value = self._keyword(name)
        return getattr(self._defaults, name) if value is None else value

    def _python(self) -> str:
        value = str(self._first("ansible_python_interpreter") or self._defaults.python or "")
        return "" if value.startswith("auto") else value

    def _ssh_args(self) -> tuple[str, ...]:
        common = self._first("ansible_ssh_common_args") or self._defaults.ssh_common_args
        extra = self._first("ansible_ssh_extra_args") or self._defaults.ssh_extra_args
        return tuple(shlex.split(str(common or "")) + shlex.split(str(extra or "")))

    def _first(self, *names: str) -> Any:
        values = (self._read(name) for name in names)
        return next((value for value in values if value is not None), None)

    def _secret(self, *names: str) -> str | None:
        value = self._first(*names)
        return None if value is None else str(value)


class KnownTargets:
    """Targets that were read before: the same words for the same host give the same one.

    Words that are templates may mean something else each time, and are read anew.  Any thread
    may ask.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Target] = {}

    def get(
        self, name: str, task: Task, written: Mapping[str, Any], read: Callable[[], Target]
    ) -> Target:
        """The target; ``written`` are the ``VARIABLES`` that there are, not yet evaluated."""
        keywords = ((each, task.keywords.get(each)) for each in KEYWORDS)
        words = [(*each, type(each[1])) for each in (*written.items(), *keywords)]
        if not all(map(_is_final, words)):
            return read()
        key = name, frozenset(words)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = read()
        return found


def _is_final(word: tuple[str, Any, type]) -> bool:
    _, value, kind = word
    return kind in _FINAL or (kind is Text and not is_template(value))
