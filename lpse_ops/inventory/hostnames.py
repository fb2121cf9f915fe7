"""What names and addresses of hosts can be."""

import ipaddress
import re
from typing import NamedTuple

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_WITH_PORT = re.compile(r"([^:\s]+):([0-9]{1,5})")
# Of ``user:password@host`` the password is not told.
_PASSWORD = re.compile(r"^((?:[\w+:]+://)?[^/:@\s]*:)(?!//)\S*@")
_ADDRESS_HINT = "write an address such as 192.0.2.10, or a name such as db-1.example.go.id"
_SHOWN = 80
_LONGEST = 4096


class HostFault(NamedTuple):
    """Why it is none, and what to write."""

    message: str
    hint: str


def find_fault(text: str) -> HostFault | None:
    """What is wrong with an address or name by which a host is reached; None when nothing is."""
    shown = repr(without_password(text)[:_SHOWN])
    if not text.strip():
        return HostFault("the address is empty", "write the host's address, or remove the line")
    if text != text.strip() or len(text.split()) > 1:
        return HostFault(f"{shown} has a space in it", _ADDRESS_HINT)
    if "://" in text or "/" in text:
        what = "a URL" if "://" in text else "a network or path"
        return HostFault(f"{shown} is {what}, not one host", _ADDRESS_HINT)
    if "@" in text:
        user, _, host = text.rpartition("@")
        user = user.partition(":")[0]
        hint = f"write {host[:_SHOWN]}, and ansible_user: {user[:_SHOWN]}"
        return HostFault(f"{shown} has a user in it", hint)
    if found := _WITH_PORT.fullmatch(text):
        hint = f"write {found[1][:_SHOWN]}, and ansible_port: {found[2]}"
        return HostFault(f"{shown} has a port in it", hint)
    return None if _is_host(text) else HostFault(f"{shown} is no address", _ADDRESS_HINT)


def without_password(text: str) -> str:
    """``https://root:********@db`` for the same with a password."""
    return _PASSWORD.sub(r"\1********@", text[:_LONGEST])


def _is_host(text: str) -> bool:
    if _NUMBERS.fullmatch(text.removesuffix(".")):
        return _is_address(text)
    if ":" in text or text.startswith("["):
        return _is_address(text.removeprefix("[").removesuffix("]"))
    try:
        plain = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return len(plain) <= 253 and bool(_NAME.fullmatch(plain))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
