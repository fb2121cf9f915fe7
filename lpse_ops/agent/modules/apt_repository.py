"""The ``apt_repository`` module: a one-line source of apt is there, or is not."""

import contextlib
import json
import os
import re
import stat
import time
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent import aptsources
from lpse_ops.agent.aptget import AptGet
from lpse_ops.agent.aptlists import fetch
from lpse_ops.agent.aptsources import Files
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.openpgp import KeyProblem, dearmored, read_keys
from lpse_ops.agent.replacing import write_atomically

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "repo": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "mode": {"type": "raw"},
    "update_cache": {"type": "bool", "default": True, "aliases": ["update-cache"]},
    "update_cache_retries": {"type": "int", "default": 5},
    "update_cache_retry_max_delay": {"type": "int", "default": 12},
    "filename": {"type": "str"},
    # There is nothing to install: apt's own programs do it.
    "install_python_apt": {"type": "bool", "default": True},
    "validate_certs": {"type": "bool", "default": True},
    "codename": {"type": "str"},
}
CHECK_MODE = "full"

_PPA = "ppa:"
_PPA_NAME = re.compile(r"ppa:~?([a-z0-9][a-z0-9+.-]*)(?:/([a-z0-9][a-z0-9+.-]*))?\Z")
_PPA_ADDRESS = "https://ppa.launchpadcontent.net/{}/{}/ubuntu"
_PPA_FACTS = "https://api.launchpad.net/devel/~{}/+archive/ubuntu/{}"
_PPA_KEY = "https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x{}"
_KEY_FOLDER = "/etc/apt/trusted.gpg.d"
_LOCK_SECONDS = 60


class Ppa(NamedTuple):
    """Somebody's own archive of packages at Launchpad."""

    owner: str
    name: str
    codename: str

    def source(self) -> str:
        address = _PPA_ADDRESS.format(self.owner, self.name)
        return f"deb {address} {self.codename} main"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Put the source in, or take it out; then have apt fetch its lists, or undo everything."""
    repo = args["repo"]
    if not repo:
        raise Failed("Please set argument 'repo' to a non-empty value")
    places = aptsources.find_places()
    before = aptsources.read_files(places)
    ppa = parse_ppa(repo, args["codename"]) if repo.startswith(_PPA) else None
    source = ppa.source() if ppa else aptsources.wanted_source(repo)
    added_to: Optional[str] = None
    if args["state"] == "absent":
        after = aptsources.plan_absent(before, source)
    else:
        path = os.path.join(places.folder, _file_name(args, repo, ppa))
        after, added_to = aptsources.plan_present(before, source, path)
    result = report(before, after, context)
    if before != after and not context.check_mode:
        if ppa and added_to:
            _trust(ppa, args)
        warnings = _apply(before, after, added_to, args)
        if warnings:
            result["warnings"] = warnings
    return dict(result, repo=repo, state=args["state"])


def parse_ppa(repo: str, codename: Optional[str]) -> Ppa:
    """Read ``ppa:owner/name``; without a name it is the owner's archive called ppa."""
    found = _PPA_NAME.match(repo.strip())
    if not found:
        raise Failed(f"Invalid repository string: {repo}")
    return Ppa(found.group(1), found.group(2) or "ppa", codename or _codename())


def report(before: Files, after: Files, context: Context) -> Dict[str, Any]:
    """The keys of the result that say what changed; a diff for each file that did."""
    result: Dict[str, Any] = {
        "changed": before != after,
        "sources_added": sorted(set(after) - set(before)),
        "sources_removed": sorted(set(before) - set(after)),
        "diff": [],
    }
    names = sorted(set(before) | set(after)) if context.diff_mode else []
    for name in names:
        if before.get(name) != after.get(name):
            side = {
                "before": before.get(name, ""),
                "after": after.get(name, ""),
                "before_header": name if name in before else "/dev/null",
                "after_header": name if name in after else "/dev/null",
            }
            result["diff"].append(side)
    return result


def _file_name(args: Dict[str, Any], repo: str, ppa: Optional[Ppa]) -> str:
    if args["filename"] is not None:
        name = str(args["filename"])
    elif ppa:
        name = aptsources.name_of(f"{repo}_{ppa.codename}")
    else:
        name = aptsources.suggest_name(repo)
    return name + ".list"


def _codename() -> str:
    with contextlib.suppress(OSError), open("/etc/os-release") as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            if key == "VERSION_CODENAME":
                return value.strip("\"'")
    raise Failed("the host does not say its codename; set the argument codename")


def _apply(before: Files, after: Files, added_to: Optional[str], args: Dict[str, Any]) -> List[str]:
    old_modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in before}
    modes: Dict[str, Any] = {}
    if added_to and (args["mode"] is not None or added_to not in before):
        modes[added_to] = 0o644 if args["mode"] is None else args["mode"]
    try:
        _save(before, after, modes)
        return _update(args) if args["update_cache"] else []
    except Failed:
        _save(after, before, old_modes)
        raise


def _save(before: Files, after: Files, modes: Dict[str, Any]) -> None:
    """Make the files what they are to be; with its mode at once: there may be a password in it."""
    for path in after:
        if after[path] != before.get(path):
            content = after[path].encode("utf-8", "surrogateescape")
            write_atomically(os.path.realpath(path), content, mode=modes.get(path))
    for path in set(before) - set(after):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _update(args: Dict[str, Any]) -> List[str]:
    # A source that cannot be reached is only a warning for apt-get, and an error for us.
    argv = ["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"]
    apt_get = AptGet(lock_timeout=_LOCK_SECONDS)
    return fetch(
        lambda: apt_get.run(argv),
        retries=args["update_cache_retries"],
        longest_seconds=args["update_cache_retry_max_delay"],
        sleep=time.sleep,
    )


def _trust(ppa: Ppa, args: Dict[str, Any]) -> None:
    """Have the key of the archive among those that apt trusts."""
    # Heavy, and seldom needed.
    from lpse_ops.agent.fetching import FetchProblem, fetch_bytes

    validate = args["validate_certs"]
    try:
        facts = json.loads(
            fetch_bytes(_PPA_FACTS.format(ppa.owner, ppa.name), validate_certs=validate)
        )
        fingerprint = str(facts["signing_key_fingerprint"]).upper()
        content = fetch_bytes(_PPA_KEY.format(fingerprint), validate_certs=validate)
        keys = [key.fingerprint for key in read_keys(content) if key.is_primary]
    except (FetchProblem, KeyProblem, ValueError, KeyError, TypeError) as problem:
        text = f"failed to fetch PPA information, error was: {problem}"
        raise Failed(text) from problem
    if keys != [fingerprint]:
        raise Failed(f"Unable to get required signing key {fingerprint}: others came")
    name = aptsources.name_of(f"ppa {ppa.owner} {ppa.name}") + ".gpg"
    write_atomically(os.path.join(_KEY_FOLDER, name), dearmored(content), mode=0o644)
