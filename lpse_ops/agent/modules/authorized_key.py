"""The ``authorized_key`` module: keys that let somebody in as an account, there or not."""

import os
import pwd
from typing import Any, Dict, List, Optional

from lpse_ops.agent.accountfile import (
    Owner,
    follow_link,
    read_account_file,
    write_account_file,
)
from lpse_ops.agent.authorizedkeys import (
    Key,
    parse_key,
    parse_options,
    plan_absent,
    plan_present,
)
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.files import describe
from lpse_ops.agent.textlines import split_lines

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "user": {"type": "str", "required": True},
    "key": {"type": "str", "required": True},
    "path": {"type": "path"},
    "manage_dir": {"type": "bool", "default": True},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "key_options": {"type": "str"},
    "exclusive": {"type": "bool", "default": False},
    "comment": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
    "follow": {"type": "bool", "default": False},
}
CHECK_MODE = "full"

# No account has so many keys.
_MOST_BYTES = 1 << 20


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the account's file to hold the keys, or not to."""
    account = _find_account(args, context)
    path = find_path(args, account)
    keys = parse_keys(_read_keys(args), args)
    owner = Owner(account.pw_uid, account.pw_gid) if account else Owner(os.getuid(), os.getgid())
    target = follow_link(path, owner) if args["follow"] else path
    before = read_account_file(target, owner)
    lines = split_lines(before)
    if args["state"] == "present":
        planned = plan_present(lines, keys, exclusive=args["exclusive"])
    else:
        planned = plan_absent(lines, keys)
    result: Dict[str, Any] = dict(args, keyfile=path, changed=planned != lines)
    after = "".join(planned)
    if result["changed"]:
        if context.diff_mode:
            headers = {"before_header": path, "after_header": target}
            result["diff"] = dict(headers, before=before, after=after)
        if not context.check_mode:
            write_account_file(target, after, owner, manage_folder=args["manage_dir"])
    return dict(result, **describe(args["path"])) if args["path"] else result


def find_path(args: Dict[str, Any], account: Optional[pwd.struct_passwd]) -> str:
    """The file: the one asked for, or the account's own."""
    home = account.pw_dir if account else ""
    return str(args["path"] or os.path.join(home, ".ssh", "authorized_keys"))


def parse_keys(text: str, args: Dict[str, Any]) -> List[Key]:
    """The keys of a text, one in each line, with the options and comment asked for."""
    keys = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        key = parse_key(line)
        if key is None:
            raise Failed(f"invalid key specified: {line}")
        if args["key_options"] is not None:
            key = key._replace(options=parse_options(args["key_options"]))
        if args["comment"] is not None:
            key = key._replace(comment=args["comment"])
        if "\n" in key.render()[:-1]:
            raise Failed("key_options and comment are parts of one line: no line breaks")
        keys.append(key)
    return keys


def _find_account(args: Dict[str, Any], context: Context) -> Optional[pwd.struct_passwd]:
    """The account; None where it may be still to come."""
    try:
        return pwd.getpwnam(args["user"])
    except KeyError as error:
        if not context.check_mode:
            raise Failed("Failed to lookup user {}: {}".format(args["user"], error)) from error
        if args["path"] is None:
            text = "Either user must exist or you must provide full path to key file in check mode"
            raise Failed(text) from error
        return None


def _read_keys(args: Dict[str, Any]) -> str:
    """The text of the keys, from the web or a file of this host if they are said to be there."""
    key = str(args["key"])
    if key.startswith("file://"):
        try:
            with open(key[len("file://") :], "rb") as file:
                return file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
        except FileNotFoundError as error:
            raise Failed(f"Path to a key file not found: {error.filename}") from error
        except OSError as error:
            raise Failed(f"Error getting key from: {key}: {error.strerror}") from error
    if key.startswith(("http://", "https://")):
        return _fetch(key, validate_certs=args["validate_certs"])
    return key


def _fetch(url: str, *, validate_certs: bool) -> str:
    # Heavy, and seldom needed.
    from lpse_ops.agent.fetching import FetchProblem, fetch_bytes
    from lpse_ops.agent.httprequest import mask_url

    try:
        content = fetch_bytes(url, validate_certs=validate_certs)
    except FetchProblem as problem:
        raise Failed(f"Error getting key from: {mask_url(url)}: {problem}") from problem
    return content.decode("utf-8", "surrogateescape")
