"""Names of packages as tasks write them for pip.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from lpse_ops.agent.pythonversions import (
    Requirement,
    canonical_name,
    fits,
    parse_requirement,
)

_OPERATORS = (">=", "<=", ">", "<", "==", "!=", "~=")


class Package(NamedTuple):
    """What goes to pip as ``text``; ``requirement`` is None for a path, a URL or a marker."""

    text: str
    requirement: Optional[Requirement]

    @property
    def clauses(self) -> Sequence[Tuple[str, str]]:
        return self.requirement.clauses if self.requirement else ()

    def is_in(self, there: Iterable[Tuple[str, str]]) -> bool:
        """Whether one of these names and versions is the package in a version that fits."""
        if self.requirement is None:
            return False
        name = canonical_name(self.requirement.name)
        return any(
            canonical_name(each) == name and fits(version, self.clauses) for each, version in there
        )

    def __str__(self) -> str:
        return self.text


def parse_package(text: str) -> Package:
    """Read one name; what pip alone understands stays as it is."""
    requirement = parse_requirement(text)
    return Package(str(requirement) if requirement else text, requirement)


def with_version(package: Package, version: str) -> Package:
    """The package in one version; ``version`` may bring its own operators."""
    version = version.lstrip()
    separator = "==" if version[:1].isdigit() else " "
    return parse_package(f"{package}{separator}{version}")


def join_names(names: Iterable[str]) -> List[str]:
    """Put together again what was split at commas: ``a>1`` and ``<2`` are one name."""
    joined: List[str] = []
    is_open = False
    for part in [part for name in names for part in name.split(",")]:
        goes_on = is_open or part.lstrip().startswith(_OPERATORS)
        if goes_on and joined:
            joined[-1] += "," + part
        else:
            joined.append(part)
        is_open = joined[-1].count("[") > joined[-1].count("]")
    return joined
