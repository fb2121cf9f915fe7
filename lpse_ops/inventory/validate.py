"""Runs the rules over what was seen; what a file of accepted findings names is left out."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lpse_ops.finding import NOTE, Finding, Report, RuleDoc, order_of
from lpse_ops.inventory import rules as rules_folder
from lpse_ops.inventory.accepted import Accepted, accept
from lpse_ops.inventory.seen import Fault, Seen

TOOL = "inventory/validate"
Check = Callable[[Seen], Iterable[Fault]]


class Rule(NamedTuple):
    """One module of ``rules``."""

    doc: RuleDoc
    check: Check


def load_rules() -> Mapping[str, Rule]:
    """All rules by their ids, sorted."""
    names = sorted(each.name for each in pkgutil.iter_modules(rules_folder.__path__))
    loaded = (_load_rule(name) for name in names)
    return {rule.doc.id: rule for rule in loaded if rule}


def _load_rule(name: str) -> Rule | None:
    """A module without ``check`` is something that several rules share."""
    module = importlib.import_module(f"{rules_folder.__name__}.{name}")
    if not hasattr(module, "check"):
        return None
    title, _, text = inspect.cleandoc(module.__doc__ or name).partition("\n")
    return Rule(
        RuleDoc(name.replace("_", "-"), module.SEVERITY, title.strip(), text.strip()), module.check
    )


def validate(seen: Seen, rules: Mapping[str, Rule], accepted: Sequence[Accepted]) -> Report:
    """Everything that is wrong, in the order of files and lines."""
    found = sorted(dict.fromkeys(_run(seen, rules)), key=order_of)
    notes = [each for each in found if each.severity == NOTE]
    rest = [each for each in found if each.severity != NOTE]
    kept, faults = accept(rest, accepted, seen.today, frozenset(rules))
    remarks = (_finding(rules[rule], fault) for rule, fault in faults if rule in rules)
    findings = sorted([*_once(kept), *remarks], key=order_of)
    return Report(
        TOOL, findings, {name: each.doc for name, each in rules.items()}, notes, seen.today
    )


def _once(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Of a value that holds for many hosts, a range or an anchor, the first host is told."""
    told: dict[tuple[object, ...], Finding] = {}
    for each in findings:
        told.setdefault((each.rule, each.origin, each.message), each)
    return told.values()


def _run(seen: Seen, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    for rule in rules.values():
        for fault in rule.check(seen):
            yield _finding(rule, fault)


def _finding(rule: Rule, fault: Fault) -> Finding:
    return Finding(rule.doc.id, rule.doc.severity, *fault)
