"""``vars_files`` of a play: files of variables whose names may depend on the host."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.marked import origin_of
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.model import Play
from lpse_ops.playbook.searchpath import find_file
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating


class VarsFiles:
    """Each file is read once; the last of them is the strongest layer."""

    def __init__(
        self, play: Play, load_yaml: Callable[[Path], Any], templating: Templating
    ) -> None:
        self._play = play
        self._load_yaml = load_yaml
        self._templating = templating
        self._loaded: dict[Path, Mapping[str, Any]] = {}
        self._fixed: list[Mapping[str, Any]] | None = None

    def layers(self, variables: Variables) -> list[Mapping[str, Any]]:
        """The strongest first; ``variables`` are those of the host, without these files."""
        if self._fixed is not None:
            return self._fixed
        found = [self._one(entry, variables) for entry in reversed(self._play.vars_files)]
        if not any(map(is_template, _names(self._play.vars_files))):
            self._fixed = found
        return found

    def _one(self, entry: Any, variables: Variables) -> Mapping[str, Any]:
        """An entry is a name, or a list of names of which the first that is there counts."""
        for written in entry if isinstance(entry, list) else [entry]:
            try:
                name = str(self._templating.evaluate(written, variables))
            except TemplateError:
                # Before facts are gathered a name may not be known yet.
                continue
            try:
                path = find_file(None, self._play.folder, "vars", name)
            except PlaybookError:
                continue
            return self._load(path)
        if any(map(is_template, _names([entry]))):
            return {}
        raise PlaybookError(
            f"{origin_of(entry) or self._play.origin}: vars file {entry} was not found",
            hint=f"put it beside the playbook, in {self._play.folder}",
        )

    def _load(self, path: Path) -> Mapping[str, Any]:
        if path not in self._loaded:
            values = self._load_yaml(path)
            if values is not None and not isinstance(values, Mapping):
                raise PlaybookError(
                    f"{path} has to hold variables: a mapping", hint="write NAME: VALUE lines"
                )
            self._loaded[path] = values or {}
        return self._loaded[path]


def _names(entries: Any) -> Iterator[Any]:
    for entry in entries:
        yield from entry if isinstance(entry, list) else [entry]
