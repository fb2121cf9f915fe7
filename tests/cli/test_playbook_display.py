"""What reaches the operator's screen, whatever a host says."""

import io

import pytest

from lpse_ops.cli.playbook_display import DefaultDisplay, harmless
from lpse_ops.marked import Map, Origin
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
    display = DefaultDisplay(stream, warn=pytest.fail, columns=79, **options)
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


def test_a_failure_tells_people_its_arguments_and_its_output_line_by_line():
    result = make_result("user", failed=True, msg="no", stderr="one\ntwo\n", stderr_lines=["one"])
    result.arguments = {"name": "sari", "password": "geheim", "comment": "rahasia" + "x" * 400}
    text = shown(result, is_for_people=True, mask=lambda text: text.replace("rahasia", "********"))
    assert 'FAILED! => {"msg": "no"}\narguments: {"name": "sari", "password": "********"' in text
    assert '"comment": "********xxx' in text
    assert "xxx... (408 characters)" in text
    assert "\nstderr:\n    one\n    two\n" in text
    assert "arguments:" not in shown(result)


def test_nothing_of_what_no_log_hides_is_told_to_people():
    result = make_result("command", failed=True, msg="no", stderr="geheim")
    result.arguments, result.no_log = {"_raw_params": "geheim"}, True
    said = io.StringIO()
    DefaultDisplay(said, warn=pytest.fail, columns=79, is_for_people=True).result(result)
    assert "FAILED" in said.getvalue()
    assert "geheim" not in said.getvalue()


def test_from_vvv_on_a_module_shows_its_arguments_with_their_defaults():
    result = make_result("user", changed=False)
    result.arguments = {"name": "sari", "password": "geheim"}
    text = shown(result, verbosity=3)
    assert '"invocation": {\n        "module_args": {' in text
    assert '"password": "********"' in text
    assert '"update_password": "always"' in text
    assert "invocation" not in shown(result, verbosity=2)


def test_the_same_fault_is_explained_once():
    said = io.StringIO()
    display = DefaultDisplay(said, warn=pytest.fail, columns=79)
    result = make_result(failed=True, msg="no", _origin=Origin("site.yml", 3, 5))
    for host in ("web1", "web2"):
        result.host = host
        display.item(result, "one", result.result)
        display.result(result)
    assert said.getvalue().count("[ERROR]: Task failed: Module failed: no") == 1
    assert said.getvalue().count("Origin: site.yml:3:5") == 1
    assert said.getvalue().count("fatal: [") == 2
