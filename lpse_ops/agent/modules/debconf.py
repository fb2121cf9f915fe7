"""The ``debconf`` module: answers to the questions of a Debian package, before they are asked.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  What the
answers are about is not reconfigured.  Passwords go through pipes and are in no result.
"""

from typing import Any, Dict, List, Optional, Union

from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.redaction import WHOLE

_TYPES = [
    "boolean",
    "error",
    "multiselect",
    "note",
    "password",
    "seen",
    "select",
    "string",
    "text",
    "title",
]
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True, "aliases": ["pkg"]},
    "question": {"type": "str", "aliases": ["selection", "setting"]},
    "vtype": {
        "type": "str",
        "choices": _TYPES,
    },
    "value": {"type": "raw", "aliases": ["answer"]},
    "unseen": {"type": "bool", "default": False},
}
RULES: Dict[str, Any] = {"required_together": [["question", "vtype", "value"]]}
CHECK_MODE = "full"

Answer = Union[str, List[str]]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Give the package its answer; without a question, return all answers that there are."""
    shown = _run(["debconf-show", args["name"]])
    selections = parse_selections(shown.stdout)
    question, vtype = args["question"], args["vtype"]
    if question is None:
        return {"changed": False, "msg": "", "current": selections}
    if vtype is None or args["value"] is None:
        raise Failed("when supplying a question you must supply a valid vtype and value")
    answer = answer_of(vtype, args["value"])
    before = selections.get(question)
    if vtype == "password" and before is not None:
        before = _read_password(args["name"], question)
    if is_answered(vtype, answer, before):
        return {"changed": False, "msg": "", "current": selections}
    message = "" if context.check_mode else _set(args, answer)
    previous = {question: selections.get(question, "")}
    if question not in selections:
        previous = dict(selections, **previous)
    current = {question: WHOLE if vtype == "password" else _words_of(answer)}
    result: Dict[str, Any] = {"changed": True, "msg": message, "diff": {}}
    if context.diff_mode:
        result["diff"] = {"before": previous, "after": dict(previous, **current)}
    return dict(result, current=current, previous=previous)


def parse_selections(text: str) -> Dict[str, str]:
    """Read what ``debconf-show`` prints: question to answer."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name.strip("*").strip(): answer.strip() for name, _, answer in pairs}


def answer_of(vtype: str, value: Any) -> Answer:
    """The value as debconf has it: words for truth; a list of choices is a list."""
    if isinstance(value, list) and vtype == "multiselect":
        others = [repr(each) for each in value if not isinstance(each, str)]
        if others:
            raise Failed(f"Invalid value provided for 'multiselect': no text: {', '.join(others)}")
        return list(value)
    if isinstance(value, (list, dict)):
        raise Failed(f"value of a {vtype} must be one text; a list is for vtype: multiselect")
    if "\n" in str(value):
        raise Failed("value has more than one line, which debconf-set-selections would cut")
    return str(value).lower() if vtype == "boolean" else str(value)


def is_answered(vtype: str, wanted: Answer, before: Optional[str]) -> bool:
    """Whether debconf has this answer already."""
    if before is None:
        return False
    if isinstance(wanted, list):
        return sorted(wanted) == sorted(each.strip() for each in before.split(","))
    return wanted == (before.lower() if vtype == "boolean" else before)


def _words_of(answer: Answer) -> str:
    return answer if isinstance(answer, str) else ", ".join(answer)


def _set(args: Dict[str, Any], answer: Answer) -> str:
    line = " ".join([args["name"], args["question"], args["vtype"], _words_of(answer)])
    unseen = ["--unseen"] if args["unseen"] else []
    return _run(["debconf-set-selections", *unseen], line).stdout


def _read_password(package: str, question: str) -> Optional[str]:
    """The answer itself, which ``debconf-show`` does not tell."""
    line = _run(["debconf-communicate", package], f"GET {question}\n").stdout.rstrip("\n")
    status, _, answer = line.partition(" ")
    return answer if status == "0" else None


def _run(argv: List[str], stdin: Optional[str] = None) -> Finished:
    program = find_program(argv[0])
    if program is None:
        raise Failed(f'Failed to find required executable "{argv[0]}"')
    finished = run_command([program, *argv[1:]], stdin=stdin)
    if finished.rc != 0:
        raise Failed(finished.stderr or f"{argv[0]} failed", rc=finished.rc)
    return finished
