"""JSON text exactly as Go's ``encoding/json`` and ``strconv.Quote`` write it.

Tree ids are hashes of this text, so every byte counts: spec/restic-format.md, section 10.
``json.dumps`` escapes differently.
"""

import re
import sys

# What reading hostile JSON may raise; Infinity as an int, for one, is an OverflowError.
MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
)

# Names made of these alone are stored as they are.
_PLAIN_NAME = re.compile(rb"[ !#-%'-;=?-\[\]-~]*").fullmatch
_SPECIAL_JSON = re.compile('["\\\\<>&\x00-\x1f\u2028\u2029\ud800-\udfff]')
_GO_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))"
)

_SHORT_GO = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
_SHORT_JSON = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_UNSHORT = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def quote_name(name: bytes) -> str:
    """A file name as it stands inside JSON's quotation marks: Go-quoted, then JSON-escaped."""
    if _PLAIN_NAME(name):
        return name.decode("ascii")
    return json_escape(go_quote(name))


def go_quote(name: bytes) -> str:
    """``strconv.Quote`` without the surrounding quotation marks."""
    text = name.decode("utf-8", "surrogateescape")
    return "".join(_go_quote_character(character) for character in text)


def _go_quote_character(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # one byte of invalid UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character in '"\\':
        return "\\" + character
    if code in _SHORT_GO:
        return _SHORT_GO[code]
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def go_unquote(text: str) -> bytes:
    """The bytes of a name, from the text that JSON decoding left.  Raises ``ValueError``."""
    if "\\" not in text:
        return text.encode("utf-8", "surrogatepass")
    pieces: list[bytes] = []
    position = 0
    while (backslash := text.find("\\", position)) >= 0:
        match = _GO_ESCAPE.match(text, backslash)
        if match is None:
            raise ValueError("a name holds an escape that Go does not know")
        pieces.append(text[position:backslash].encode("utf-8", "surrogatepass"))
        pieces.append(_unescape(match))
        position = match.end()
    pieces.append(text[position:].encode("utf-8", "surrogatepass"))
    return b"".join(pieces)


def _unescape(match: re.Match[str]) -> bytes:
    short, byte, four, eight, octal = match.groups()
    if short:
        return bytes([_UNSHORT[short]]) if short in _UNSHORT else short.encode("ascii")
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    code = int(four or eight, 16)
    if code > sys.maxunicode:
        raise ValueError("a name holds a code point beyond Unicode")
    return chr(code).encode("utf-8")


def json_escape(text: str) -> str:
    """Text as it stands inside JSON's quotation marks."""
    if _SPECIAL_JSON.search(text) is None:
        return text
    return _SPECIAL_JSON.sub(_escape_match, text)


def _escape_match(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code in _SHORT_JSON:
        return _SHORT_JSON[code]
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{code:04x}"


def json_text(raw: bytes) -> str:
    """A string that is not Go-quoted (a link target, a user name), with its quotation marks.

    Bytes that are not UTF-8 are lost, as in Go: each becomes U+FFFD.
    """
    return '"' + json_escape(raw.decode("utf-8", "surrogateescape")) + '"'
