"""The two layouts of SPSE 4, and how to tell them apart (domain.md b.1).

Read on real servers: 4.3 has ``framework/``, ``webapp/conf/application.conf``, ``webapp/logs/``
and the script ``spse4``; 4.4 and later have ``framework/``, ``lib/``, ``conf/``, ``logs/``,
``tmp/`` and ``server.pid`` at the top, and ``spse4`` or the newer ``starter.sh``.  Only ``spse4``
is known to have a verb ``migration``.

Guesses, to be checked on a real site: that an archive holds the application in one folder at most
three deep, or without one; where 4.3 keeps ``server.pid`` (Play itself puts it into the
application, here ``webapp/``; the script may put it beside itself); that ``spse4`` is the one to
use where both scripts are there; that no package has both layouts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lpse_ops.spse.packageentry import BadArchive, Kind, show_name

CONFIGURATION = "conf/application.conf"
_FRAMEWORK = "framework"
_OLD_SCRIPT, _NEW_SCRIPT = "spse4", "starter.sh"
_DEEPEST_ROOT = 3


@dataclass(frozen=True)
class Layout:
    """Places below the application's folder; ``pid_files`` in the order to look at them.

    ``written_folders`` are those in which the running application makes or changes names;
    ``webapp`` is ``""`` where there is no such folder.
    """

    name: str
    start_script: str
    has_migration: bool
    webapp: str
    configuration: str
    logs: str
    pid_files: tuple[str, ...]
    written_folders: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """``root`` is the application's folder in the archive, ``""`` for the archive itself."""

    root: str
    layout: Layout


def find_layout(kinds: Mapping[str, Kind]) -> Found:
    """Recognise the one application among an archive's paths, or raise ``BadArchive``.

    The shallowest counts: Play's own samples, deep below, look like applications.
    """
    found = [
        Found(root, layout)
        for root in sorted(_roots(kinds))
        if (layout := recognise(kinds, root)) is not None
    ]
    if not found:
        raise BadArchive(
            "it holds no SPSE 4: no folder with framework/, conf/application.conf (or "
            "webapp/conf/application.conf) and a script spse4 or starter.sh"
        )
    depth = min(each.root.count("/") + bool(each.root) for each in found)
    shallowest = [each for each in found if each.root.count("/") + bool(each.root) == depth]
    if len(shallowest) > 1:
        names = " and ".join(show_name(each.root) for each in shallowest[:2])
        raise BadArchive(f"it holds more than one SPSE: {names}")
    return shallowest[0]


def _roots(kinds: Mapping[str, Kind]) -> set[str]:
    roots = set()
    for path in kinds:
        parts = path.split("/")[: _DEEPEST_ROOT + 1]
        roots |= {"/".join(parts[:depth]) for depth, part in enumerate(parts) if part == _FRAMEWORK}
    return roots


def recognise(kinds: Mapping[str, Kind], root: str = "") -> Layout | None:
    """The layout of the application in the folder ``root``; None when it is none."""
    below = f"{root}/" if root else ""

    def is_file(path: str) -> bool:
        return kinds.get(below + path) == "file"

    scripts = [script for script in (_OLD_SCRIPT, _NEW_SCRIPT) if is_file(script)]
    if not scripts:
        return None
    is_old, is_new = is_file(f"webapp/{CONFIGURATION}"), is_file(CONFIGURATION)
    if is_old and is_new:
        raise BadArchive(f"it has {CONFIGURATION} at two places: the layout cannot be told")
    if is_old:
        return layout_4_3(scripts[0])
    return layout_4_4(scripts[0]) if is_new else None


def layout_4_3(start_script: str = _OLD_SCRIPT) -> Layout:
    return Layout(
        name="4.3",
        start_script=start_script,
        has_migration=start_script == _OLD_SCRIPT,
        webapp="webapp",
        configuration=f"webapp/{CONFIGURATION}",
        logs="webapp/logs",
        pid_files=("webapp/server.pid", "server.pid"),
        written_folders=("", "webapp", "webapp/logs", "webapp/tmp"),
    )


def layout_4_4(start_script: str = _OLD_SCRIPT) -> Layout:
    return Layout(
        name="4.4+",
        start_script=start_script,
        has_migration=start_script == _OLD_SCRIPT,
        webapp="",
        configuration=CONFIGURATION,
        logs="logs",
        pid_files=("server.pid",),
        written_folders=("", "logs", "tmp"),
    )


def layout_named(name: str, start_script: str) -> Layout:
    """The layout that a manifest names; ``ValueError`` for another."""
    makers = {"4.3": layout_4_3, "4.4+": layout_4_4}
    if name not in makers or start_script not in (_OLD_SCRIPT, _NEW_SCRIPT):
        raise ValueError("it names a layout that is not known")
    return makers[name](start_script)
