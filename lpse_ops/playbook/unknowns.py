"""What tasks on their way to a host may still set, and variables that notice who asks for it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lpse_ops.marked import Map, Seq, Text, every_text
from lpse_ops.playbook.hostile import is_safe_fact
from lpse_ops.playbook.model import Task

# Through these a template may come to files that a task is about to write, or to any variable;
# ``now`` is another time when they have run.
_LOOKUPS = frozenset({"lookup", "query", "q", "now"})
_ALL = _LOOKUPS | {"hostvars", "vars"}
# The facts of these have such names; of other modules that find facts nobody knows which.
_GATHERING = frozenset({"setup", "gather_facts"})
_GATHERED = re.compile(r"ansible_\w+|gather_subset|module_setup")
_FINDING = frozenset({"async_status", "getent", "hostname", "include_vars", "set_fact"})
# Tests and filters that look at the clock, or at files of the controller, which may be the host.
_FILES = re.compile(
    r"\b(abs|directory|exists|file|fileglob|is_dir|is_file|is_link|link|link_exists|mount"
    r"|expanduser|realpath|same_file|samefile|strftime)\b"
)
_EMBEDDED = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)


class AnswerNeeded(BaseException):
    """What is evaluated needs the answer of a task that is still on its way.

    No ``Exception``: a template takes those for values, which ``default`` may pass over.
    ``name`` is the variable; "vars" stands for anything that cannot be said by a name.
    """

    def __init__(self, name: str = "vars") -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Unknown:
    """Names that a task may set: those given, gathered facts, or whatever it finds.

    ``only_files``: none of them, only files that lookups may read.
    """

    names: frozenset[str] = frozenset()
    gathered: bool = False
    anything: bool = False
    only_files: bool = False

    def has(self, name: object) -> bool:
        if name in self.names or name in (_LOOKUPS if self.only_files else _ALL):
            return True
        if not (self.gathered or self.anything) or not isinstance(name, str):
            return False
        if name == "ansible_facts":
            return True
        return is_safe_fact(name) and (self.anything or _GATHERED.fullmatch(name) is not None)

    def __or__(self, other: "Unknown") -> "Unknown":
        return Unknown(
            self.names | other.names,
            self.gathered or other.gathered,
            self.anything or other.anything,
        )


def set_by(task: Task) -> Unknown:
    """What a task may set."""
    names = frozenset() if task.register is None else frozenset({str(task.register)})
    finds = task.action in _FINDING or task.action.endswith("_facts")
    gathers = task.action in _GATHERING
    return Unknown(names, gathered=gathers, anything=finds and not gathers)


class Alarm(Mapping[str, Any]):
    """Variables that raise ``AnswerNeeded`` for what is not known yet, until they are told off.

    Counting and listing names counts as asking for all of them.
    """

    def __init__(
        self, variables: Mapping[str, Any], unknown: Unknown, files: "FileWatch | None" = None
    ) -> None:
        """``files`` may be shared by alarms over the same variables."""
        self._variables = variables
        self._unknown = unknown
        self._files = files or FileWatch()
        self._is_on = True
        self._now: Callable[[], Mapping[str, Any]] | None = None

    def turn_off(self, variables: Callable[[], Mapping[str, Any]]) -> None:
        """All answers have come; ``variables`` gives those with what they have set, if asked."""
        self._is_on = False
        self._now = variables

    def __getitem__(self, name: str) -> Any:
        self._notice(name)
        value = self._variables[name]
        if self._is_on and isinstance(value, Text | Map | Seq):
            self._files.refuse(value)
        return value

    def __contains__(self, name: object) -> bool:
        self._notice(name)
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        self._refuse()
        return iter(self._variables)

    def __len__(self) -> int:
        self._refuse()
        return len(self._variables)

    def __bool__(self) -> bool:
        return True

    def _notice(self, name: object) -> None:
        if self._is_on and self._unknown.has(name):
            raise AnswerNeeded(str(name))
        self._renew()

    def _refuse(self) -> None:
        if self._is_on:
            raise AnswerNeeded
        self._renew()

    def _renew(self) -> None:
        if self._now is not None:
            self._variables, self._now = self._now(), None


class FileWatch:
    """Notices templates that look at files of the controller; looks at each value once."""

    def __init__(self) -> None:
        # By their ids, which stay theirs as long as they are kept.
        self._harmless: dict[int, Any] = {}

    def refuse(self, value: Any) -> None:
        """Raise ``AnswerNeeded`` if a template in a value of the playbook looks at files."""
        if id(value) not in self._harmless:
            _refuse_files(value, are_conditions=False)
            self._harmless[id(value)] = value

    def refuse_task(self, task: Task) -> None:
        """The same for all that a task says, but for what variables hold."""
        if id(task) in self._harmless:
            return
        _refuse_files([task.args, task.loop.value if task.loop else None, task.name])
        for name in ("vars", "environment", "module_defaults"):
            _refuse_files(task.keywords.chain(name))
        for name in ("when", "changed_when", "failed_when"):
            _refuse_files(task.keywords.chain(name), are_conditions=True)
        self._harmless[id(task)] = task


def _refuse_files(value: Any, *, are_conditions: bool = False) -> None:
    for text in every_text(value):
        is_condition = are_conditions or " is " in text
        looked_at = [text] if is_condition else _EMBEDDED.findall(text)
        if any(_FILES.search(each) for each in looked_at):
            raise AnswerNeeded
