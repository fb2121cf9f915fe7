"""What reaches the operator's screen, whatever a host says."""

import io

import pytest

from lpse_ops.cli.playbook_display import DefaultDisplay, harmless
from lpse_ops.marked import Map
from lpse_ops.playbook.model import Keywords, Task
from lpse_ops.playbook.results import TaskResult

ESCAPE = "\x1b]0;owned\x07\x1b[2J"


def make_result(action: str = "command", **result: object) -> TaskResult:
    keywords = Keywords(Map())
    task = Task(keywords, None, action, action, Map(), None, (0, 0), None)
    return TaskResult("web1", task, result, shows_diff=True)


def shown(result: TaskResult, *, encoding: str = "utf-8", **options: object) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    display = DefaultDisplay(stream, columns=79, **options)
    display.item(result, f"item {ESCAPE}", result.result)
    display.result(result)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("status", ["failed", "changed"])
@pytest.mark.parametrize("verbosity", [0, 3])
def test_nothing_of_a_result_moves_the_terminal(status: str, verbosity: int):
    diff = {"before": "", "after": f"{ESCAPE}\ttab\n"}
    said = {status: True, "msg": f"\x9b2J{ESCAPE}", "hint": ESCAPE, "diff": diff, "changed": True}
    text = shown(make_result(**said), verbosity=verbosity)
    assert not set(text) & set("\x1b\x07\x9b")
    assert "\\x1b]0;owned" in text


def test_our_own_colors_stay():
    text = shown(make_result(failed=True, msg=ESCAPE), color=True)
    assert text.count("\x1b") == text.count("\x1b[0;31m") + text.count("\x1b[0m") > 0


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_what_cannot_be_written_is_spelled_out(encoding: str):
    text = shown(make_result(failed=True, msg="caf\udce9 \u20ac"), encoding=encoding)
    assert r"caf\udce9" in text
    assert ("\u20ac" if encoding == "utf-8" else r"\u20ac") in text


def test_lines_and_tabs_stay():
    assert harmless("a\tb\r\n\nc\u2028\n") == "a\tb\\r\n\nc\\u2028\n"


def test_a_secret_with_an_escape_is_masked_all_the_same():
    text = shown(make_result("debug", msg="x\x9by"), mask=lambda text: text.replace("x\x9by", "*"))
    assert '"msg": "*"' in text
