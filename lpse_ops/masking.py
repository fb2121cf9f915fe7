"""Takes secrets out of what is about to be printed or logged."""

import json
import re
from collections.abc import Callable, Iterator

MASK = "********"
# Shorter words are everywhere in other people's output.
MIN_LENGTH = 4
# Of a secret with several lines, such as a key, each line of this length is one too.
MIN_LINE_LENGTH = 8


class Masker:
    """Masks all secrets that ``secrets`` gives at the time; any thread may call it."""

    def __init__(self, secrets: Callable[[], frozenset[str]]) -> None:
        self._secrets = secrets
        self._made: tuple[frozenset[str], re.Pattern[str] | None] = (frozenset(), None)

    def __call__(self, text: str) -> str:
        secrets = self._secrets()
        made_for, pattern = self._made
        if made_for is not secrets:
            pattern = make_pattern(secrets)
            # One assignment, so that no thread sees one without the other.
            self._made = (secrets, pattern)
        return text if pattern is None else pattern.sub(MASK, text)


def make_pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """A pattern for every form in which a secret may appear; None when there is nothing to find."""
    words = {word for secret in secrets for word in _forms(secret)}
    # The longest first: one secret may begin another.
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _forms(secret: str) -> Iterator[str]:
    """The secret itself, its lines, and both as JSON writes them."""
    whole = secret.strip()
    lines = [line.strip() for line in whole.splitlines()]
    plain = [whole] if len(whole) >= MIN_LENGTH else []
    plain += [line for line in lines if len(lines) > 1 and len(line) >= MIN_LINE_LENGTH]
    for word in plain:
        yield word
        yield json.dumps(word)[1:-1]
        yield json.dumps(word, ensure_ascii=False)[1:-1]
