"""Text of people and programs as a change record keeps it: no secrets, visible, bounded.

The ledger cannot be changed later: what should not stand in it must be taken out before.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from lpse_ops.masking import MASK
from lpse_ops.spse.change import Closing, Package, Request, Run, Step

Mask = Callable[[str], str]

LONGEST_TEXT = 500
LONGEST_OUTPUT = 2000
MOST_STEPS = 64
MOST_LINES = 60
MOST_PEOPLE = 8
_CUT = " [...] "
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
# What no masker was told of, and is a secret by its form.
_SECRET_FORMS = (
    re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    re.compile(r"(?<=://)([^\s/:@]{0,64}:)\S{1,512}(?=@)"),
    re.compile(r"(?i)(authorization[\"']?\s*[=:]\s*(?:\w+\s+)?|\bbearer\s+)\S+"),
    re.compile(
        r"(?i)((?:pass(?:word|wd|phrase)?|pwd|sandi|secret|token|securedb|api[_-]?key)"
        r"""["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&]+)"""
    ),
)


def no_mask(text: str) -> str:
    """The mask of who has no secrets to tell of; forms of secrets are hidden all the same."""
    return text


def keep(text: str, mask: Mask = no_mask, longest: int = LONGEST_TEXT) -> str:
    """Return the text in one line."""
    return _bounded(" ".join(_conceal(text, mask).split()), longest)


def keep_output(text: str, mask: Mask = no_mask, longest: int = LONGEST_OUTPUT) -> str:
    """Return beginning and end of what a program said, lines kept."""
    lines = (line.rstrip() for line in _conceal(text, mask).splitlines())
    return _bounded("\n".join(line for line in lines if line), longest)


def keep_request(request: Request, mask: Mask = no_mask) -> Request:
    names = (
        *("reason", "recorded_by", "source", "applicant", "contact", "organisation"),
        *("description", "impact", "test_plan", "rollback_plan", "approved_by"),
    )
    kept = {name: keep(getattr(request, name), mask) for name in names}
    return replace(request, **kept)  # type: ignore[arg-type] # all of these are texts


def keep_run(run: Run, mask: Mask = no_mask) -> Run:
    """The run as it may be recorded: of more steps or lines, the last ones."""
    names = (
        *("server", "reason", "account", "from_version", "backup_snapshot"),
        *("backup_repository", "accepted_risk", "problem", "stamp"),
    )
    kept = {name: keep(getattr(run, name), mask) for name in names}
    package = run.package
    return replace(
        run,
        **kept,  # type: ignore[arg-type] # all of these are texts
        performed_by=_kept(run.performed_by, mask, MOST_PEOPLE),
        package=package and Package(*(keep(text, mask, 128) for text in vars(package).values())),
        plan=_kept(run.plan, mask),
        steps=tuple(_step(step, mask) for step in run.steps[-MOST_STEPS:]),
        tests=_kept(run.tests, mask),
    )


def keep_closing(closing: Closing, mask: Mask = no_mask) -> Closing:
    return replace(
        closing,
        recorded_by=keep(closing.recorded_by, mask),
        performed_by=_kept(closing.performed_by, mask, MOST_PEOPLE),
        note=keep(closing.note, mask),
        tests=_kept(closing.tests, mask),
    )


def _kept(texts: Sequence[str], mask: Mask, most: int = MOST_LINES) -> tuple[str, ...]:
    return tuple(keep(text, mask) for text in texts[-most:])


def _step(step: Step, mask: Mask) -> Step:
    return replace(step, name=keep(step.name, mask, 120), output=keep_output(step.output, mask))


def _conceal(text: str, mask: Mask) -> str:
    """Mask first: what is cut or cleaned before could not be recognised any more."""
    concealed = mask(text)
    for pattern in _SECRET_FORMS:
        concealed = pattern.sub(
            lambda match: f"{match[1] if match.lastindex else ''}{MASK}", concealed
        )
    return "".join(map(_visible, concealed))


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    return "\n" if character == "\r" else "\N{REPLACEMENT CHARACTER}"


def _bounded(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    tail = longest * 2 // 3
    return text[: longest - tail - len(_CUT)] + _CUT + text[-tail:]
