"""Names of groups, which should be names of variables: what happens to those that are not.

``transform`` is Ansible's setting TRANSFORM_INVALID_GROUP_CHARS: ``never`` (a warning) and
``ignore`` keep such a name, ``always`` (a warning) and ``silently`` put ``_`` for each character.
"""

import re

TRANSFORMS = ("never", "ignore", "always", "silently")
_INVALID = re.compile(r"^\d|\W")
_SHOWN = 10


def safe_name(name: str) -> str:
    """The name with ``_`` in place of what no name of a variable has."""
    return _INVALID.sub("_", name)


class GroupNames:
    """Knows what each name became, and which of them nobody was told of yet."""

    def __init__(self, transform: str = "never") -> None:
        self._transform = transform
        self._odd: dict[str, str] = {}
        self._untold: list[str] = []

    def use(self, name: str) -> str:
        """The name that a group gets which is written ``name``."""
        # Names are told to hosts and programs: they leave their place behind.
        name = str(name)
        if not _INVALID.search(name):
            return name
        if name not in self._odd:
            keeps = self._transform in ("never", "ignore")
            self._odd[name] = name if keeps else safe_name(name)
            self._untold.append(name)
        return self._odd[name]

    @property
    def written(self) -> frozenset[str]:
        """Odd names as sources write them."""
        return frozenset(self._odd)

    def remark(self) -> str:
        """What a person should know of the names since the last time; often nothing."""
        odd, self._untold = self._untold, []
        if not odd or self._transform in ("ignore", "silently"):
            return ""
        shown = ", ".join(odd[:_SHOWN]) + (", ..." if len(odd) > _SHOWN else "")
        what = "but not" if self._transform == "never" else "and automatically"
        return f"Invalid characters were found in group names {what} replaced: {shown}"
