"""Which commands of dnf bring a host to what a task asks for.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from lpse_ops.agent import rpmpackages
from lpse_ops.agent.context import Failed
from lpse_ops.agent.rpmpackages import Rpm, Wanted


class Order(NamedTuple):
    """One command: what to do with which packages."""

    verb: str
    names: List[str]


class Here(NamedTuple):
    """What is on the host of what a task names.

    Of a group nobody but dnf knows: it may be here and may lack something.
    """

    is_here: bool
    is_newer: bool = False
    is_open: bool = False


def settled(args: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments with lists taken apart at commas and one word for each state."""
    lists = {
        name: [part.strip() for each in args[name] for part in each.split(",") if part.strip()]
        for name in ("name", "enablerepo", "disablerepo", "exclude")
    }
    for name in lists["name"]:
        if " " in name and not any(sign in name for sign in "@><="):
            raise Failed(
                "It appears that a space separated string of packages was passed in as an "
                "argument. To operate on several packages, pass a comma separated string of "
                "packages or a list of packages."
            )
    words = {"installed": "present", "removed": "absent", None: "present"}
    state = words.get(args["state"], args["state"])
    if args["autoremove"]:
        if args["state"] not in (None, "absent", "removed"):
            text = "Autoremove should be used alone or with state=absent"
            raise Failed(text, results=[])
        state = "absent"
    return dict(args, state=state, **lists)


def look_at(wanted: Sequence[Wanted], root: str) -> Dict[Wanted, Here]:
    """Find out what is here of what a task names."""
    plain = [each for each in wanted if not each.is_pattern and not each.is_group]
    installed = rpmpackages.read_installed(plain, root) if plain else []
    has_patterns = any(each.is_pattern for each in wanted)
    everything = rpmpackages.read_all(root) if has_patterns else []
    return {each: _look_at(each, installed, everything, root) for each in wanted}


def _look_at(wanted: Wanted, installed: List[Rpm], everything: List[Rpm], root: str) -> Here:
    if wanted.is_group:
        return Here(is_here=True, is_open=True)
    if wanted.is_pattern:
        found = rpmpackages.matching(wanted.text, everything)
        return Here(is_here=bool(found), is_open=True)
    if rpmpackages.is_newer_installed(wanted, installed):
        return Here(is_here=False, is_newer=True)
    is_here = rpmpackages.is_installed(wanted, installed)
    if not is_here and not wanted.relation:
        is_here = bool(rpmpackages.read_provided(wanted, root))
    return Here(is_here)


def plan_orders(args: Dict[str, Any], known: Dict[Wanted, Here]) -> Tuple[List[Order], List[str]]:
    """The commands that install what is not here and, if asked to, upgrade what is.

    The second part are names that ``update_only`` leaves out.
    """
    installs: List[str] = []
    upgrades: List[str] = []
    left_out: List[str] = []
    for wanted, here in known.items():
        if args["update_only"] and not here.is_here and not here.is_newer:
            left_out.append(wanted.text)
        elif here.is_newer:
            installs += [wanted.text] if args["allow_downgrade"] else []
        elif (here.is_open or not here.is_here) and not args["update_only"]:
            installs.append(wanted.for_dnf)
        is_upgrade = args["state"] == "latest" or args["update_only"]
        if is_upgrade and here.is_here and not wanted.is_group:
            upgrades.append(wanted.text)
    orders = [Order("install", installs), Order("upgrade", upgrades)]
    return [order for order in orders if order.names], left_out
