"""Which handlers a ``notify`` means: by name the first that has it, by topic all that listen."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from lpse_ops.errors import OpsError
from lpse_ops.marked import Text
from lpse_ops.playbook.model import Block, Play, Task, every_task
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating


class HandlerSearch:
    """Looks through the handlers of a play, which an include may add to."""

    def __init__(self, play: Play, templating: Templating, warn: Callable[[str], None]) -> None:
        self._play = play
        self._templating = templating
        self._warn = warn

    def find(self, wanted: str, variables: Variables) -> list[Task]:
        """All that answer; names are templated with the variables of the host."""
        handlers = list(self._play.searched_handlers())
        named = next((each for each in handlers if self._has_name(each, wanted, variables)), None)
        listening = list(_first_of_each_name(each for each in handlers if wanted in _topics(each)))
        return [each for each in handlers if each is named or each in listening]

    def _has_name(self, handler: Task, wanted: str, variables: Variables) -> bool:
        if not handler.name:
            return False
        name = str(handler.name)
        if isinstance(handler.name, Text) and "{{" in name:
            try:
                name = str(self._templating.evaluate(handler.name, variables))
            except OpsError as error:
                if not handler.listen:
                    self._warn(
                        f"Handler '{name}' is unusable because it has no listen topics and the "
                        f"name could not be templated. The error: {error.message}"
                    )
                return False
        return wanted in _within_role(name, handler)


def add_handlers(play: Play, blocks: Sequence[Block]) -> None:
    """Let the handlers that an include brings join the play; the same role's are there once."""
    for block in blocks:
        if not any(_is_same_use(block, known) for known in play.handlers):
            play.handlers.append(block)


def _is_same_use(one: Block, other: Block) -> bool:
    if one.role is None or other.role is None:
        return False
    places = [[each.origin for each in every_task([block])] for block in (one, other)]
    around = [[each.own for each in block.keywords.levels()] for block in (one, other)]
    known = [
        (role.folder, role.params, role.vars, role.defaults) for role in (one.role, other.role)
    ]
    return places[0] == places[1] and around[0] == around[1] and known[0] == known[1]


def _first_of_each_name(handlers: Iterable[Task]) -> Iterator[Task]:
    """Of those with one name the first, as it is searched; all that have none."""
    seen: set[str] = set()
    for handler in handlers:
        name = str(handler.name or "")
        if not name or name not in seen:
            yield handler
        seen.add(name)


def _topics(handler: Task) -> list[str]:
    return [topic for each in handler.listen for topic in _within_role(str(each), handler)]


def _within_role(name: str, handler: Task) -> list[str]:
    """A name, and how it is written with the role that it stands in."""
    role = handler.role
    if role is None:
        return [name]
    return [name, f"{role.name} : {name}", f"{role.short_name} : {name}"]
