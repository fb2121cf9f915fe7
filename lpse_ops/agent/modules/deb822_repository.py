"""The ``deb822_repository`` module: a ``.sources`` file of apt is there, or is not."""

import contextlib
import os
import re
from typing import Any, Dict, NamedTuple, Optional

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import apply_file_arguments
from lpse_ops.agent.files import describe
from lpse_ops.agent.openpgp import KeyProblem, is_armored, read_keys
from lpse_ops.agent.replacing import write_atomically

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "allow_downgrade_to_insecure": {"type": "bool"},
    "allow_insecure": {"type": "bool"},
    "allow_weak": {"type": "bool"},
    "architectures": {"type": "list", "elements": "str"},
    "by_hash": {"type": "bool"},
    "check_date": {"type": "bool"},
    "check_valid_until": {"type": "bool"},
    "components": {"type": "list", "elements": "str"},
    "date_max_future": {"type": "int"},
    "enabled": {"type": "bool"},
    "inrelease_path": {"type": "str"},
    "languages": {"type": "list", "elements": "str"},
    "name": {"type": "str", "required": True},
    "pdiffs": {"type": "bool"},
    "signed_by": {"type": "str"},
    "suites": {"type": "list", "elements": "str"},
    "targets": {"type": "list", "elements": "str"},
    "trusted": {"type": "bool"},
    "types": {
        "type": "list",
        "elements": "str",
        "choices": ["deb", "deb-src"],
        "default": ["deb"],
    },
    "uris": {"type": "list", "elements": "str"},
    "mode": {"type": "raw", "default": "0644"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
}
CHECK_MODE = "full"

_NOT_FIELDS = ("mode", "state")
_NAMES = {"name": "X-Repolib-Name", "uris": "URIs"}
_KEY_MODE = 0o644
_EXTENSIONS = ("asc", "gpg")


class Places(NamedTuple):
    """Where apt of this host has its sources and keys."""

    sources: str = "/etc/apt/sources.list.d"
    keyrings: str = "/etc/apt/keyrings"


class SignedBy(NamedTuple):
    """What the field says, and the key to write there if it came from the web."""

    value: str
    path: Optional[str] = None
    content: bytes = b""


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the file of the repository, and that of its key, to the wanted state."""
    return ensure(args, context, Places())


def ensure(args: Dict[str, Any], context: Context, places: Places) -> Dict[str, Any]:
    slug = slug_of(args["name"])
    if not slug:
        raise Failed("name must have a letter or a digit in it")
    dest = os.path.join(places.sources, slug + ".sources")
    if args["state"] == "absent":
        result = _ensure_absent(dest, slug, places, context)
    else:
        result = _ensure_present(dest, slug, args, places, context)
    return dict(describe(dest), dest=dest, **result)


def slug_of(name: str) -> str:
    """The name as the names of files have it."""
    return re.sub(r"[^a-z0-9-]+", "", re.sub(r"[_\s]+", "-", name.lower()))


def render(fields: Dict[str, Any]) -> str:
    """The file: a line for each argument that is set, by their names in order."""
    return "".join(
        f"{field_name(name)}:{_folded(shown(value))}\n"
        for name, value in sorted(fields.items())
        if value is not None
    )


def field_name(argument: str) -> str:
    return _NAMES.get(argument) or argument.replace("_", "-").title()


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    return str(value)


def _folded(value: str) -> str:
    """Several lines, none of which can be taken for a field of its own."""
    if "\n" not in value:
        return " " + value
    lines = [line.strip() or "." for line in value.strip().split("\n")]
    return "".join(f"\n    {line}" for line in lines)


def _ensure_absent(dest: str, slug: str, places: Places, context: Context) -> Dict[str, Any]:
    paths = [os.path.join(places.keyrings, f"{slug}.{each}") for each in _EXTENSIONS]
    found = [path for path in [dest, *paths] if os.path.lexists(path)]
    before = _text_of(dest)
    for path in found if not context.check_mode else ():
        try:
            os.unlink(path)
        except OSError as error:
            raise Failed(f"cannot remove {path}: {error.strerror}") from error
    return dict(
        _diff(dest, before, "", context),
        changed=bool(found),
        repo=None,
        key_filename=paths[-1],
    )


def _ensure_present(
    dest: str, slug: str, args: Dict[str, Any], places: Places, context: Context
) -> Dict[str, Any]:
    fields = {name: value for name, value in args.items() if name not in _NOT_FIELDS}
    signed = find_key(args["signed_by"], slug, places)
    fields["signed_by"] = signed.value if signed else None
    changed = bool(signed and signed.path and _write(signed.path, signed.content, context))
    if changed and signed and signed.path and not context.check_mode:
        os.chmod(signed.path, _KEY_MODE)
    before, after = _text_of(dest), render(fields)
    changed = _write(dest, after.encode("utf-8", "surrogateescape"), context) or changed
    wanted = {"mode": args["mode"], "follow": False}
    if os.path.exists(dest):
        changed = apply_file_arguments(dest, wanted, context, changed)
    return dict(
        _diff(dest, before, after, context),
        changed=changed,
        repo=after,
        key_filename=signed.path if signed else None,
    )


def find_key(value: Optional[str], slug: str, places: Places) -> Optional[SignedBy]:
    """A path, fingerprints or the key's text stay as they are; from an address it is fetched."""
    if value is None:
        return None
    is_text = is_armored(value.encode("utf-8", "surrogateescape"))
    if is_text or "://" not in value:
        return SignedBy(value)
    # Heavy, and seldom needed.
    from lpse_ops.agent.fetching import FetchProblem, fetch_bytes

    try:
        # The module's argument_spec has no validate_certs: certificates are always looked at.
        content = fetch_bytes(value, validate_certs=True)
        if not any(key.is_primary for key in read_keys(content)):
            raise KeyProblem("there is no key in it")
    except (FetchProblem, KeyProblem) as problem:
        raise Failed(f"Could not fetch signed_by key: {problem}") from problem
    extension = "asc" if is_armored(content) else "gpg"
    path = os.path.join(places.keyrings, f"{slug}.{extension}")
    return SignedBy(path, path, content)


def _write(path: str, content: bytes, context: Context) -> bool:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        if file.read(len(content) + 1) == content:
            return False
    if not context.check_mode:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_atomically(os.path.realpath(path), content)
    return True


def _text_of(path: str) -> str:
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _diff(path: str, before: str, after: str, context: Context) -> Dict[str, Any]:
    if not context.diff_mode or before == after:
        return {}
    sides = {"before_header": path, "after_header": path, "before": before, "after": after}
    return {"diff": sides}
