"""What a playbook says, before any host is touched: plays, roles, blocks, tasks.

Values are as the files give them (``marked``): nothing here is templated yet.  Identity is the
object: two tasks that look alike are two tasks.  Lists of a ``Role`` or ``Play`` are filled while
it is loaded and never change afterwards.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lpse_ops.marked import Map, Origin, Text, key_origin, origin_of

Position = tuple[int, ...]
# "import" is static, "include" dynamic: of the latter only ``vars`` reach what it includes.
Level = Literal["play", "role", "block", "import", "include", "task"]
# First number of every position.
PRE_TASKS, ROLES, TASKS, POST_TASKS, HANDLERS = range(5)


@dataclass(frozen=True, eq=False)
class Keywords:
    """Keywords as one place of a file gives them, and the place around it."""

    own: Map
    parent: "Keywords | None" = None
    level: Level = "task"

    def levels(self) -> "Iterator[Keywords]":
        """This place and those around it, innermost first; the play is the last."""
        here: Keywords | None = self
        while here is not None:
            yield here
            here = here.parent

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the innermost place that says anything about ``name``."""
        return self._innermost.get(name, default)

    @functools.cached_property
    def _innermost(self) -> dict[str, Any]:
        around = {} if self.parent is None else self.parent._innermost
        return {**around, **{str(name): value for name, value in self.own.items()}}

    def chain(self, name: str) -> list[Any]:
        """Every value of ``name``, outermost first: for ``when``, ``vars``, ``tags`` and so on."""
        return [each.own[name] for each in self.levels() if name in each.own][::-1]

    def place(self, name: str) -> Origin | None:
        """Where the value that ``get`` returns was written."""
        owner = next((each for each in self.levels() if name in each.own), None)
        if owner is None:
            return None
        return origin_of(owner.own[name]) or key_origin(owner.own, name) or owner.own.origin


class Loop(NamedTuple):
    """``loop`` (kind "loop"), or ``with_KIND``; the value is not templated yet."""

    kind: str
    value: Any


@dataclass(frozen=True, eq=False)
class Task:
    """One task, handler, ``include_*`` or ``meta``.

    ``action`` is the short name the registry knows, ``written_action`` what the file says.
    ``args`` holds texts for ``k=v``; free text is ``_raw_params``, arguments that are one template
    are ``_variable_params``.  ``include_tasks`` always has ``file``, ``include_role`` ``name``,
    ``meta`` ``_raw_params``.  ``implicit`` tasks come from us and appear in no listing.
    ``notify`` may come from a block around; what no block may say (``until``, ``async`` ...) is
    in ``keywords.own``.
    """

    keywords: Keywords
    name: Text | None
    action: str
    written_action: str
    args: Map
    origin: Origin | None
    position: Position
    role: "Role | None" = None
    loop: Loop | None = None
    register: Any = None
    notify: Any = None
    listen: tuple[Any, ...] = ()
    is_handler: bool = False
    implicit: bool = False

    @property
    def label(self) -> str:
        """The name as a banner shows it, not templated: ``role : name``."""
        if self.action == "include_role":
            return str(self.name or f"{self.written_action} : {self.args.get('name')}")
        return labelled(self.name if self.name else self.written_action, self.role)


@dataclass(frozen=True, eq=False)
class Block:
    """Tasks that share keywords, with what rescues them and what always follows."""

    keywords: Keywords
    name: Text | None
    origin: Origin | None
    position: Position
    role: "Role | None" = None
    block: "list[Node]" = field(default_factory=list)
    rescue: "list[Node]" = field(default_factory=list)
    always: "list[Node]" = field(default_factory=list)
    # Made by us around a list of tasks, not written as ``block:``.
    implicit: bool = False


Node = Task | Block


@dataclass(frozen=True)
class RoleMeta:
    """What ``meta/main.yml`` says that matters to a run; dependencies are not loaded here."""

    allow_duplicates: bool = False
    dependencies: tuple[Any, ...] = ()
    argument_specs: Map = field(default_factory=Map)


@dataclass(frozen=True, eq=False)
class Role:
    """A role as one place uses it.

    ``key`` is equal for two uses that are the same work: unless ``allow_duplicates``, a host that
    has completed one (``meta: role_complete``, an implicit task at its end) skips the other.
    ``tasks`` are its own; the blocks of its dependencies stand before them in ``Play.roles_tasks``.
    ``keywords.own["vars"]`` are the ``vars:`` of the use; ``params`` its other keys.
    """

    name: str
    folder: Path
    keywords: Keywords
    params: Map
    defaults: Map
    vars: Map
    meta: RoleMeta
    key: str
    # The roles that depend on this one here, outermost first.
    parents: "tuple[Role, ...]" = ()
    allow_duplicates: bool = False
    # ``include_role``/``import_role`` show nothing to the play unless ``public``.
    from_include: bool = False
    public: bool = True
    origin: Origin | None = None
    # ``namespace.collection`` of a role that is in one.
    collection: str = ""
    dependencies: "list[Role]" = field(default_factory=list)
    tasks: "list[Node]" = field(default_factory=list)
    handlers: "list[Block]" = field(default_factory=list)

    @property
    def short_name(self) -> str:
        """The name without its collection: ``role_name`` of the magic variables."""
        return self.name.removeprefix(f"{self.collection}.")

    def all_dependencies(self) -> "Iterator[Role]":
        """Dependencies, theirs first."""
        for each in self.dependencies:
            yield from each.all_dependencies()
            yield each


@dataclass(frozen=True, eq=False)
class Prompt:
    """One variable of ``vars_prompt``."""

    name: Text
    prompt: Any
    private: bool = True
    default: Any = None
    confirm: bool = False
    encrypt: Any = None
    salt: Any = None
    salt_size: Any = None
    unsafe: bool = False
    origin: Origin | None = None


@dataclass(frozen=True, eq=False)
class Play:
    """One play.  Handlers run after ``pre_tasks``, after ``tasks`` and after ``post_tasks``.

    ``keywords.own`` holds all scalar keywords (``serial``, ``strategy``, ``gather_facts``,
    ``order``, ``any_errors_fatal``, ``max_fail_percentage``, ``force_handlers``, ``become`` ...).
    ``handlers`` is the order in which notified handlers run: those of roles in order, then the
    play's own, then those of ``import_role``; each element is a block made of one file or list.
    """

    name: Any
    hosts: Any
    keywords: Keywords
    folder: Path
    origin: Origin | None
    vars: Map = field(default_factory=Map)
    vars_files: tuple[Any, ...] = ()
    vars_prompt: tuple[Prompt, ...] = ()
    # Every use in ``roles:`` and every ``import_role``, dependencies before what needs them.
    roles: list[Role] = field(default_factory=list)
    pre_tasks: list[Node] = field(default_factory=list)
    roles_tasks: list[Node] = field(default_factory=list)
    tasks: list[Node] = field(default_factory=list)
    post_tasks: list[Node] = field(default_factory=list)
    handlers: list[Block] = field(default_factory=list)

    def sections(self) -> tuple[list[Node], list[Node], list[Node]]:
        """The three parts after each of which notified handlers run."""
        return self.pre_tasks, self.roles_tasks + self.tasks, self.post_tasks

    def searched_handlers(self) -> Iterator[Task]:
        """Handlers as a ``notify`` finds them: the last block first, in it the first task."""
        for block in reversed(self.handlers):
            yield from every_task(block.block)


@dataclass(frozen=True)
class Playbook:
    """The plays of one file, with those of every file it imports.

    ``name`` is what the command line calls it.
    """

    path: Path
    plays: tuple[Play, ...]
    name: str = ""


def every_task(nodes: Sequence[Node]) -> Iterator[Task]:
    """All tasks in the order they are written: block, rescue, always."""
    for node in nodes:
        if isinstance(node, Task):
            yield node
        else:
            yield from every_task([*node.block, *node.rescue, *node.always])


def labelled(name: str, role: Role | None) -> str:
    """``role : name`` inside a role, else the name."""
    return f"{role.name} : {name}" if role is not None else str(name)
