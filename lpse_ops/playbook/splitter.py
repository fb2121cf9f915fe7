"""``name=value`` words of a task, split as Ansible does: quotes and ``{{ }}`` hold together."""

import ast
import re
from typing import NamedTuple

from lpse_ops.marked import Map, Text, origin_of
from lpse_ops.playbook.actions_table import name_set
from lpse_ops.playbook.problems import problem_at

# Arguments that stand beside free text; every other ``name=`` belongs to the text.
FREE_FORM_OPTIONS = name_set(
    "creates removes chdir executable warn stdin stdin_add_newline strip_empty_ends"
)
_BRACKETS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))
_ESCAPE = re.compile(
    r"\\U[0-9a-fA-F]{8}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\N\{[^}]+\}|\\[\\'\"abfnrtv]"
)
_UNESCAPED_EQUALS = re.compile(r"(?<!\\)=")


class Word(NamedTuple):
    """A word as it is written, and the white space before it."""

    gap: str
    text: str


def parse_arguments(text: Text, *, free_form: bool) -> Map:
    """``name=value`` words as a map of texts; what is none of them is ``_raw_params``.

    With ``free_form`` only the options of commands are taken out of the text.
    """
    origin = origin_of(text)
    arguments = Map(origin=origin)
    words, rest = split_words(text)
    free: list[str] = []
    was_option = False
    for word in words:
        name, value = _name_and_value(word.text)
        is_option = value is not None and (not free_form or name in FREE_FORM_OPTIONS)
        if value is not None and is_option:
            arguments[Text(name.strip(), origin)] = Text(_unquoted(value.strip()), origin)
        # The white space before an option goes before the word after it.
        if not was_option and (free or not is_option):
            free.append(word.gap)
        if not is_option:
            free.append(name if value is None else word.text)
        was_option = is_option
    if free:
        raw = "".join(free[:-1] if was_option else [*free, rest])
        arguments[Text("_raw_params", origin)] = Text(raw, origin)
    return arguments


def split_action(text: Text) -> tuple[Text, Text]:
    """``copy src=a dest=b`` as the module's name and the rest."""
    origin = origin_of(text)
    words, _ = split_words(text)
    if not words:
        return Text("", origin), Text("", origin)
    rest = "".join(word.gap + word.text for word in words[1:])
    return Text(words[0].text.strip(), origin), Text(rest.strip(), origin)


def split_words(text: Text) -> tuple[list[Word], str]:
    """Words, and the white space after the last; a backslash alone joins lines and goes away.

    Only spaces and newlines split, and none of those inside quotes or ``{{ }}``.
    """
    words: list[Word] = []
    state = _State()
    gap = ""
    is_continued = False
    for number, line in enumerate(text.split("\n")):
        before = "" if number == 0 or is_continued else "\n"
        is_continued = False
        for piece in line.split(" "):
            if state.is_inside():
                words[-1] = Word(words[-1].gap, words[-1].text + before + piece)
            elif piece == "":
                gap += before
            elif piece == "\\":
                gap += before.strip(" ")
                before, is_continued = " ", True
                continue
            else:
                # One single space at the beginning of a line gets lost, and two do not.
                gap = gap if gap.endswith("\n") and before == " " else gap + before
                words.append(Word(gap or (" " if words else ""), piece))
                gap = ""
            state.read(piece)
            before, is_continued = " ", False
    if state.is_inside():
        raise problem_at(
            origin_of(text),
            "a quote or a {{ of these arguments is not closed",
            hint="close it, or write the arguments as YAML below the module's name",
        )
    return words, gap


class _State:
    """Which quote and how many brackets are open."""

    def __init__(self) -> None:
        self._quote = ""
        self._depths = [0] * len(_BRACKETS)

    def is_inside(self) -> bool:
        return bool(self._quote) or any(self._depths)

    def read(self, piece: str) -> None:
        before = ""
        for character in piece:
            if character in "'\"" and before != "\\":
                if not self._quote:
                    self._quote = character
                elif self._quote == character:
                    self._quote = ""
            before = character
        for number, (opening, closing) in enumerate(_BRACKETS):
            change = piece.count(opening) - piece.count(closing)
            self._depths[number] = max(0, self._depths[number] + change)


def _name_and_value(word: str) -> tuple[str, str | None]:
    decoded = _ESCAPE.sub(lambda found: str(ast.literal_eval(f'"{_literal(found.group())}"')), word)
    equals = _UNESCAPED_EQUALS.search(decoded, 1)
    if equals is None:
        return decoded.replace("\\=", "=") if "=" in decoded else word, None
    return decoded[: equals.start()], decoded[equals.end() :]


def _literal(escape: str) -> str:
    return '\\"' if escape == '\\"' else escape


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" and value[-2] != "\\"
    return value[1:-1] if quoted else value
