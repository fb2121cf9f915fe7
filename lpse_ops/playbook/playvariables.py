"""The variables of a play: what each of its tasks sees on each host at the moment it asks.

Magic variables are put together here; the order of all others is that of ``layers``.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpse_ops.inventory.inventory import Inventory
from lpse_ops.playbook.flags import given
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.layers import PlayLayers
from lpse_ops.playbook.magic import (
    HostVars,
    PlayFacts,
    host_variables,
    place_variables,
    play_variables,
)
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.searchpath import Place, place_of
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.variables import Variables
from lpse_ops.playbook.varsfiles import VarsFiles
from lpse_ops.templating.engine import Templating

Layer = Mapping[str, Any]


class PlayVariables:
    """One play's; ``of`` may be called from any thread, the rest while no task runs."""

    def __init__(
        self,
        play: Play,
        *,
        inventory: Inventory,
        templating: Templating,
        load_yaml: Callable[[Path], Any],
        state_of: Callable[[str], HostState],
        run: Layer,
        extra: Layer,
        merge_hashes: bool = False,
    ) -> None:
        """``run`` are magic variables of the whole run, ``extra`` those of ``-e``."""
        self._play = play
        self._inventory = inventory
        self._templating = templating
        self._state_of = state_of
        self._run = run
        self._extra = extra
        self.templatings = Templatings(templating, play.folder)
        self._files = VarsFiles(play, load_yaml, templating)
        self._merge_hashes = merge_hashes
        self._layers = PlayLayers(play, extra=extra, prompted={}, merge_hashes=merge_hashes)
        self._facts = PlayFacts(play, "", (), (), ())
        self._places: dict[Place, Layer] = {}
        self._hosts: dict[str, dict[str, Any]] = {}
        self._whole_play: tuple[int, Layer] | None = None

    def begin(self, name: str, hosts: Sequence[str]) -> None:
        """The play's name and all its hosts are known."""
        self._facts = PlayFacts(self._play, name, hosts, hosts, hosts)
        self._whole_play = None

    def add_prompted(self, values: Layer) -> None:
        """People have answered ``vars_prompt``."""
        self._layers = PlayLayers(
            self._play, extra=self._extra, prompted=values, merge_hashes=self._merge_hashes
        )

    @property
    def play_name(self) -> str:
        return self._facts.name

    def begin_batch(self, names: Sequence[str]) -> None:
        self._facts.batch = names
        self.hosts_changed()

    def hosts_changed(self) -> None:
        """A host left the run, or came back."""
        everyone = self._facts.every_host
        self._facts.current = [each for each in everyone if not self._state_of(each).is_out]
        self._whole_play = None

    def of(self, task: Task | None, state: HostState) -> Variables:
        """What a task, or the play alone, sees on a host."""
        magic = (self._of_place(task), self._of_host(state), self._of_play())
        inventory = self._inventory.variables(state.name)
        found = self._layers.variables(task, state, inventory=inventory, magic=magic)
        if not self._play.vars_files:
            return found
        files = self._files.layers(found)
        return self._layers.variables(task, state, inventory=inventory, magic=magic, files=files)

    def evaluate(self, value: Any) -> Any:
        """A keyword of the play itself: no host is known yet."""
        groups = {"groups": self._inventory.groups_magic(), **self._run}
        known = Variables([self._extra, self._play.vars, groups])
        return given(self._templating.evaluate(value, known))

    def _resolved(self, name: str) -> Mapping[str, Any]:
        state = self._state_of(name)
        run = {**self._run, "playbook_dir": self._of_play()["playbook_dir"]}
        found = self._layers.of_host(
            state, inventory=self._inventory.variables(name), magic=(self._of_host(state), run)
        )
        return self.templatings.of(None).lazily(found)

    # -- magic variables, each kept until what it is made of changes --------------------------

    def _of_place(self, task: Task | None) -> Layer:
        place = place_of(task)
        found = self._places.get(place)
        if found is None:
            found = self._places[place] = place_variables(task, self._play.folder)
        return found

    def _of_host(self, state: HostState) -> Layer:
        # The inventory makes new groups whenever anything in it changes.
        groups = self._inventory.groups_magic()
        found = self._hosts.get(state.name)
        if found is None or found["groups"] is not groups:
            found = {**host_variables(self._inventory, state.name), "ansible_facts": state.facts}
            found["groups"] = groups
            self._hosts[state.name] = found
        return found

    def _of_play(self) -> Layer:
        roles = len(self._play.roles)
        found = self._whole_play
        if found is None or found[0] != roles:
            hostvars = HostVars(self._inventory, self._resolved)
            magic = {**self._run, **play_variables(self._facts), "hostvars": hostvars}
            found = self._whole_play = roles, magic
        return found[1]
