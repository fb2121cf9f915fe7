"""``name=value`` words, each case as ansible-core's own splitter reads it."""

import json
import random
import subprocess
import sys

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Origin, Text
from lpse_ops.playbook.splitter import parse_arguments, split_action

CASES = [
    "src=a dest=b",
    "msg='hello  world' x=\"it's\"",
    "msg={{ a | default('x y') }} b={{c}}",
    "a=\"{{ 'x' }}\" b",
    "echo   a    b",
    "echo 'a   b'  c",
    "chdir=/tmp  ls   -l",
    "ls   -l  chdir=/tmp  x   y",
    "ls -l creates=/x",
    "creates=/x echo creates=/y",
    "echo a=b",
    "a\\=b",
    "echo a\n  b\nc",
    "echo \\\n  b",
    "echo a \\\n b=c",
    "a \\ b",
    "a='it\\'s' b",
    "x='a\\nb' y=\\u0041 z=\\x41",
    "echo a \t b",
    "a={# hi there #}y",
    "{{ a }} {% if x %}y z{% endif %}",
    "a=''",
    "=x",
    "a=b=c",
    "a='",
    "{{ a",
    "it's",
]
PIECES = ["a", "b", " ", "=", "'", '"', "{{", "}}", "\\=", "\n", "{%", "%}", "creates=", "x y"]
SCRIPT = """
import json, sys
from ansible.parsing.splitter import parse_kv
answers = []
for text in json.load(sys.stdin):
    for free_form in (False, True):
        try:
            answers.append({str(k): str(v) for k, v in parse_kv(text, free_form).items()})
        except Exception:
            answers.append(None)
json.dump(answers, sys.stdout)
"""


def read_ours(text: str, *, free_form: bool) -> dict[str, str] | None:
    try:
        return {k: str(v) for k, v in parse_arguments(Text(text), free_form=free_form).items()}
    except PlaybookError:
        return None


def without_edges(args: dict[str, str] | None) -> dict[str, str] | None:
    """White space at the ends of the free text is YAML's to keep or drop, not ours."""
    if args is None:
        return None
    stripped = {name: value.strip() for name, value in args.items()}
    return {name: value for name, value in stripped.items() if value or name != "_raw_params"}


def test_words_are_split_as_ansible_splits_them():
    numbers = random.Random(4)
    made = ["".join(numbers.choices(PIECES, k=numbers.randint(1, 8))) for _ in range(3000)]
    texts = [*CASES, *made]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = iter(json.loads(done.stdout))
    for text in texts:
        for free_form in (False, True):
            ours = without_edges(read_ours(text, free_form=free_form))
            assert ours == without_edges(next(answers)), (text, free_form)


def test_an_open_quote_names_its_place():
    with pytest.raises(PlaybookError) as raised:
        parse_arguments(Text("a='b", Origin("tasks.yml", 3, 7)), free_form=False)
    assert raised.value.message.startswith("tasks.yml:3:7: a quote or a {{")
    assert "YAML" in raised.value.hint


def test_every_argument_knows_its_place():
    place = Origin("tasks.yml", 3, 7)
    args = parse_arguments(Text("a=b c", place), free_form=False)
    assert [each.origin for each in (*args, *args.values())] == [place] * 4


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("copy src=a dest=b", "copy", "src=a dest=b"),
        ("shell echo  'a b'", "shell", "echo  'a b'"),
        ("ping", "ping", ""),
        ("", "", ""),
    ],
)
def test_an_action_is_a_name_and_the_rest(text, name, rest):
    assert split_action(Text(text)) == (name, rest)
