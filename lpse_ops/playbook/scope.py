"""What a load needs from outside, and where in a playbook the loader stands."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.marked import origin_of
from lpse_ops.playbook.actions_table import FindModule, is_template
from lpse_ops.playbook.model import Block, Keywords, Play, Position, Role, Task
from lpse_ops.playbook.problems import problem_at

LoadYaml = Callable[[Path], Any]
Evaluate = Callable[[Any, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class LoadContext:
    """Everything that loading needs and cannot know.

    ``evaluate`` is ``Templating.evaluate``; it sees no host's variables, only ``variables`` (such
    as ``groups``), the play's and the role's own, and ``extra_vars``.  ``roles_path`` are the
    folders after the playbook's own ``roles``.  ``command`` is what runs the playbook in Ansible.
    """

    load_yaml: LoadYaml
    find_module: FindModule
    module_names: Callable[[], Collection[str]]
    evaluate: Evaluate
    warn: Callable[[str], None]
    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    roles_path: tuple[Path, ...] = ()
    collections_path: tuple[Path, ...] = ()
    command: str = ""
    # Raises for a task with a template that can never be evaluated; costs a compilation of each.
    check_templates: Callable[[Task], None] | None = None
    # Is told of a fault instead of having it raised; what is at fault is then left out.
    collect: Callable[[PlaybookError], None] | None = None

    def refuse(self, error: PlaybookError) -> None:
        """Raise an error, unless somebody collects them."""
        if self.collect is None:
            raise error
        self.collect(error)


@dataclass(frozen=True)
class Collected:
    """What is found on the way that belongs to the whole play."""

    roles: list[Role] = field(default_factory=list)
    handlers: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class Scope:
    """A place among the nodes of a play: what is around it, whose it is, what is known there."""

    context: LoadContext
    play: Play
    keywords: Keywords
    importer: "Callable[[Task, Scope], Block]"
    collected: Collected
    position: Position = ()
    role: Role | None = None
    is_handler: bool = False
    # Whether a block around here has a rescue for what fails.
    is_rescued: bool = False
    # Files being read around this place: one that appears again would never end.
    files: tuple[Path, ...] = ()
    # Of ``vars_files``.
    variables: Mapping[str, Any] = field(default_factory=dict)

    def evaluate_name(self, value: Any, keywords: Keywords) -> Any:
        """The name of a file or role, with what is known before any host is."""
        if not is_template(value):
            return value
        try:
            return self.context.evaluate(value, self._known(keywords))
        except TemplateError as error:
            raise problem_at(
                origin_of(value),
                f"{str(value)!r} cannot be evaluated before the play runs: {error.message}",
                hint="use include_tasks or include_role, or define the variable in vars, "
                "vars_files or with -e",
            ) from error

    def _known(self, keywords: Keywords) -> dict[str, Any]:
        known = {**self.context.variables, "playbook_dir": str(self.play.folder.absolute())}
        roles = [*self.play.roles, *self.collected.roles, *([self.role] if self.role else [])]
        for role in roles:
            known |= role.defaults
        known |= self.play.vars
        known |= self.variables
        if self.role is not None:
            known |= {"role_path": str(self.role.folder.absolute()), "role_name": self.role.name}
            known |= self.role.vars | self.role.params
        for each in keywords.chain("vars"):
            known |= each if isinstance(each, dict) else {}
        return known | dict(self.context.extra_vars)
