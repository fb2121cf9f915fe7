"""Which actions there are: modules of the agent, and those with a part on the controller."""

import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import lpse_ops.agent.modules
import lpse_ops.playbook.actions
from lpse_ops.playbook.actions.context import ActionContext, Result
from lpse_ops.playbook.actions.sending import Request
from lpse_ops.playbook.actions_table import FREE_TEXT, SOME_TEXT, ModuleSpec

_MODULES = lpse_ops.agent.modules
_ACTIONS = lpse_ops.playbook.actions
# Not actions: what several actions share.
_SHARED = frozenset({"context", "sending", "sendingtree"})
Run = Callable[[Mapping[str, Any], ActionContext], Result]
Plan = Callable[[Mapping[str, Any], ActionContext], Request | None]


@functools.cache
def module_names() -> frozenset[str]:
    """Every name that a task may use, structure (``include_tasks``, ``meta``) aside."""
    return _names_in(_MODULES) | (_names_in(_ACTIONS) - _SHARED)


@functools.cache
def find_module(name: str) -> ModuleSpec | None:
    """What an action takes, or None when there is no such action."""
    if name not in module_names():
        return None
    module = _action(name) or importlib.import_module(f"{_MODULES.__name__}.{name}")
    return ModuleSpec(
        arguments=getattr(module, "ARGUMENTS", {}),
        rules=getattr(module, "RULES", {}),
        free_form=getattr(module, "FREE_FORM", "_raw_params" if name in FREE_TEXT else ""),
        any_name=getattr(module, "ANY_NAME", False),
    )


@functools.cache
def find_action(name: str) -> Run | None:
    """The controller's part of an action; None when there is only a module."""
    module = _action(name)
    return None if module is None else module.run


@functools.cache
def find_plan(name: str) -> Plan | None:
    """What an action asks of the host, if it can say so before it has any answer."""
    return getattr(_action(name), "plan", None)


@functools.cache
def is_of_host(name: str) -> bool:
    """Whether a module on the host does it: there are arguments to tell of."""
    return name in _names_in(_MODULES) or find_plan(name) is not None


@functools.cache
def raw_arguments(name: str) -> tuple[str, ...]:
    """Arguments that an action evaluates itself: ``that`` of ``assert``."""
    return tuple(getattr(_action(name), "RAW", ()))


@functools.cache
def takes_text(name: str) -> bool:
    """Whether text that is no ``name=value`` means something to an action."""
    spec = find_module(name)
    return name in SOME_TEXT or (spec is not None and bool(spec.free_form or spec.any_name))


@functools.cache
def runs_once(name: str) -> bool:
    """Whether an action is for the whole play, not for each host: ``pause``."""
    return bool(getattr(_action(name), "ONCE", False))


@functools.cache
def supports_async(name: str) -> bool:
    """Whether all that takes long of an action happens in the module of its own name."""
    return bool(getattr(_action(name), "ASYNC", _action(name) is None))


def _action(name: str) -> ModuleType | None:
    if name in _SHARED or name not in _names_in(_ACTIONS):
        return None
    return importlib.import_module(f"{_ACTIONS.__name__}.{name}")


@functools.cache
def _names_in(package: ModuleType) -> frozenset[str]:
    folder = Path(str(package.__file__)).parent
    return frozenset(each.stem for each in folder.glob("[a-z]*.py"))
