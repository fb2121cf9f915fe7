"""Filters on strings: patterns, quoting, encodings, comments."""

import base64
import binascii
import re
import shlex
import uuid
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from lpse_ops.templating.filters.problem import FilterProblem, want
from lpse_ops.templating.natives import to_plain

_ANSIBLE_NAMESPACE = "361E6D51-FAEC-444A-9079-341386DA8E2E"


def to_text(value: Any) -> str:
    """A value as Ansible's filters see it as a string."""
    if isinstance(value, str):
        return value
    return str(to_plain(value))


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    raw = to_text(value).encode(encoding, "surrogateescape")
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(raw).decode()


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    decode = base64.urlsafe_b64decode if urlsafe else base64.b64decode
    try:
        raw = decode(to_text(value).encode("utf-8", "surrogateescape"))
    except binascii.Error as error:
        raise FilterProblem(f"b64decode needs base64: {error}") from None
    return raw.decode(encoding, "surrogateescape")


def quote(value: Any) -> str:
    return shlex.quote("" if value is None else to_text(value))


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _pattern(pattern: Any, *, ignorecase: bool, multiline: bool) -> re.Pattern[str]:
    try:
        return re.compile(to_text(pattern), _flags(ignorecase, multiline))
    except re.error as error:
        raise FilterProblem(f"{pattern!r} is no regular expression: {error}") from None


def regex_replace(
    value: Any = "",
    pattern: Any = "",
    replacement: Any = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    regex = _pattern(pattern, ignorecase=ignorecase, multiline=multiline)
    try:
        result, done = regex.subn(to_text(replacement), to_text(value), count)
    except (re.error, IndexError) as error:
        raise FilterProblem(f"regex_replace: the replacement does not fit: {error}") from None
    if mandatory_count and mandatory_count != done:
        raise FilterProblem(
            f"regex_replace: {pattern!r} should match {mandatory_count} times, but did {done} times"
        )
    return result


def regex_findall(
    value: Any,
    regex: Any,
    multiline: bool = False,
    ignorecase: bool = False,
) -> list[Any]:
    return _pattern(regex, ignorecase=ignorecase, multiline=multiline).findall(to_text(value))


def regex_search(
    value: Any,
    regex: Any,
    *groups: Any,
    multiline: bool = False,
    ignorecase: bool = False,
) -> Any:
    """The match, or a list of the groups asked for; None where nothing matches."""
    keys = [_group_key(group) for group in groups]
    match = _pattern(regex, ignorecase=ignorecase, multiline=multiline).search(to_text(value))
    if not match:
        return None
    if not keys:
        return match.group()
    try:
        return [match.group(key) for key in keys]
    except IndexError:
        raise FilterProblem("regex_search: there is no such group in the pattern") from None


def _group_key(group: Any) -> str | int:
    text = to_text(group)
    if named := re.match(r"\\g<(\S+)>", text):
        return named.group(1)
    if numbered := re.match(r"\\(\d+)", text):
        return int(numbered.group(1))
    raise FilterProblem(f"regex_search: {text!r} is no group, write '\\\\1' or '\\\\g<name>'")


def regex_escape(value: Any, re_type: str = "python") -> str:
    text = to_text(value)
    if re_type == "python":
        return re.escape(text)
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", text)
    raise FilterProblem(f"regex_escape: {re_type!r} is neither 'python' nor 'posix_basic'")


def split(value: Any, *arguments: Any) -> list[str]:
    want(value, str, "split", "a string")
    return [str(each) for each in value.split(*arguments)]


def to_uuid(value: Any, namespace: Any = _ANSIBLE_NAMESPACE) -> str:
    try:
        space = namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(namespace)
    except (AttributeError, ValueError, TypeError):
        raise FilterProblem(f"to_uuid: {namespace!r} is no UUID") from None
    return str(uuid.uuid5(space, to_text(value)))


def urldecode(value: Any) -> str:
    return unquote_plus(to_text(value))


_URL_PARTS = (
    "fragment", "hostname", "netloc", "password", "path", "port", "query", "scheme", "username",
)  # fmt: skip


def url_split(value: Any, query: str = "") -> Any:
    parts = urlsplit(to_text(value))
    if not query:
        return {name: getattr(parts, name) for name in _URL_PARTS}
    if query not in _URL_PARTS:
        raise FilterProblem(
            f"urlsplit: unknown URL component: {query!r} is none of {', '.join(_URL_PARTS)}"
        )
    return getattr(parts, query)


_COMMENT_STYLES: dict[str, dict[str, str]] = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
    "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
}


def comment(text: Any, style: str = "plain", **options: Any) -> str:
    """Decorate every line, with lines of nothing but decoration before and after."""
    if style not in _COMMENT_STYLES:
        raise FilterProblem(f"comment: {style!r} is none of {', '.join(_COMMENT_STYLES)}")
    given: dict[str, Any] = {**_COMMENT_STYLES[style], **options}
    decoration = given["decoration"]
    prefix = given.get("prefix", decoration.rstrip())
    postfix = given.get("postfix", decoration.rstrip())
    newline = given.get("newline", "\n")
    beginning, end = given.get("beginning", ""), given.get("end", "")
    lines = to_text(text).split(newline)
    body = newline.join(f"{decoration}{line}" for line in lines).replace(
        f"{decoration}{newline}", f"{decoration.rstrip()}{newline}"
    )
    return "".join(
        [
            f"{beginning}{newline}" if beginning else "",
            f"{prefix}{newline}" * int(given.get("prefix_count", 1)) if prefix else "",
            body,
            f"{newline}{postfix}" * int(given.get("postfix_count", 1))
            if "postfix" in given or postfix
            else "",
            f"{newline}{end}" if end else "",
        ]
    )


FILTERS = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "comment": comment,
    "quote": quote,
    "regex_escape": regex_escape,
    "regex_findall": regex_findall,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "split": split,
    "to_uuid": to_uuid,
    "urldecode": urldecode,
    "urlsplit": url_split,
}
