"""The step runner's plan, made of what the site says once and of the two releases.

``site.json`` holds what is the same for every upgrade; the format of both is in
roles/spse/files/README.md, and the step runner judges every value of it.
"""

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lpse_ops.errors import PolicyRefused, ReleaseError, SettingsError
from lpse_ops.spse.layout import Layout
from lpse_ops.spse.trustedfile import read_trusted

MAX_BYTES = 1 << 20
FORMAT = 1
SITE_KEYS = ("link", "maintenance", "application", "backup", "database", "health")
_NUMBERS = re.compile(r"[0-9]+\.[0-9]+")
COMMON_LOG = "application.log"


@dataclass(frozen=True)
class PlannedRelease:
    """A release as a plan names it; ``pid_file`` and ``log`` are paths inside it."""

    version: str
    release: str
    pid_file: str
    log: str


@dataclass(frozen=True)
class PlannedFile:
    """A file of the site for the new release; ``sha256`` is of what was reviewed."""

    source: str
    target: str
    sha256: str
    mode: str


def load_site(path: Path) -> dict[str, Any]:
    """Read ``site.json``, which only root may."""
    if not os.path.lexists(path):
        raise ReleaseError(
            f"there is no {path}: this is no SPSE server that lpse-ops set up",
            hint="lpse-ops spse install sets one up; to ask servers from elsewhere: "
            "lpse-ops spse health -i inventory",
        )
    return parse_site(read_trusted(path, MAX_BYTES, is_secret=True), path)


def parse_site(content: bytes, path: object) -> dict[str, Any]:
    """Read ``site.json``; SettingsError for what cannot be a site."""
    hint = f"write it anew with the role spse (playbooks/install.yml), or see what it is: {path}"
    try:
        value = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not JSON: {str(error)[:200]}", hint=hint) from error
    if not isinstance(value, dict) or set(value) != set(SITE_KEYS):
        found = sorted(value) if isinstance(value, dict) else []
        wrong = ", ".join(sorted(set(found) ^ set(SITE_KEYS)))[:200]
        raise SettingsError(
            f"{path} must have the keys {', '.join(SITE_KEYS)}; too many or too few: {wrong}",
            hint=hint,
        )
    for key in SITE_KEYS[1:]:
        if not isinstance(value[key], dict):
            raise SettingsError(f"{path}: {key} has no keys", hint=hint)
    if not isinstance(value["link"], str) or not value["link"].startswith("/"):
        raise SettingsError(f"{path}: link is no absolute path", hint=hint)
    return value


def has_common_log(version: str, log_names: Collection[str]) -> bool:
    """Whether a release that ran writes the framework's own log; SPSE names it after itself."""
    return _own_log(version) not in log_names and COMMON_LOG in log_names


def plan_place(
    version: str, folder: str, layout: Layout, *, common_log: bool = False
) -> PlannedRelease:
    """Where a release has its process number and log."""
    log = COMMON_LOG if common_log else _own_log(version)
    return PlannedRelease(version, folder, layout.pid_files[0], f"{layout.logs}/{log}")


def _own_log(version: str) -> str:
    numbers = _NUMBERS.match(version)
    return f"spse{numbers[0] if numbers else version}.log"


def compose_plan(
    site: Mapping[str, Any],
    plan_id: str,
    old: PlannedRelease,
    new: PlannedRelease,
    files: Sequence[PlannedFile] = (),
    *,
    accepted_risk: str = "",
) -> dict[str, Any]:
    """The whole plan.  ``accepted_risk`` is why no backup is made; without one there must be one.

    For the proof of health alone, both releases may be the same.
    """
    return {
        "format": FORMAT,
        "id": plan_id,
        "from": asdict(old),
        "to": asdict(new),
        **{key: site[key] for key in SITE_KEYS},
        "backup": _backup(site["backup"], accepted_risk),
        "files": [asdict(each) for each in files],
    }


def _backup(backup: Mapping[str, Any], accepted_risk: str) -> Mapping[str, Any]:
    if accepted_risk.strip():
        return {"accepted_risk": accepted_risk}
    if not backup.get("run") and not str(backup.get("accepted_risk", "")).strip():
        raise PolicyRefused(
            "this site has no backup to take before an upgrade",
            hint="set one up: lpse-ops backup init; or say why none is needed: "
            "--accept-risk REASON",
        )
    return backup


def check_port(site: Mapping[str, Any], settings: Mapping[str, str], version: str) -> None:
    """What the proof asks must be where the application listens."""
    wanted, listens = site["application"].get("port"), settings.get("http.port")
    if listens is not None and listens.strip() != str(wanted):
        raise ReleaseError(
            f"application.conf of {version} has http.port {listens[:20]!a}, site.json {wanted}",
            hint="make them one: --set-file FILE (http.port: PORT), or spse_port of the role",
        )


def render_plan(plan: Mapping[str, Any]) -> bytes:
    """The same bytes for the same plan."""
    return (json.dumps(plan, indent=1, ensure_ascii=False) + "\n").encode()
