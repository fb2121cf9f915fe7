"""Imports the agent's own modules from memory; the first thing that runs on a host.

``start`` gets all sources that the agent begins with; further ones come with the requests that
need them.  Nothing is written on the host.  Standard library only, Python 3.6.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from typing import Any, Dict, Optional, Set


class MemoryFinder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds modules by their full names among sources in memory; packages are made up."""

    def __init__(self, sources: Dict[str, str]) -> None:
        self._sources: Dict[str, str] = {}
        self._packages: Set[str] = set()
        for name, source in sources.items():
            self.add(name, source)

    def add(self, name: str, source: str) -> None:
        """Make a module importable; what is there already stays, as its code may run."""
        self._sources.setdefault(name, source)
        package = name.rpartition(".")[0]
        while package:
            self._packages.add(package)
            package = package.rpartition(".")[0]

    def find_spec(
        self, fullname: str, _path: Any = None, _target: Any = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname in self._packages:
            return importlib.util.spec_from_loader(fullname, self, is_package=True)
        if fullname in self._sources:
            return importlib.util.spec_from_loader(fullname, self, origin=self._file(fullname))
        if fullname.partition(".")[0] in self._packages:
            # Nobody else is asked: he would find the files of another version.
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None

    def is_package(self, fullname: str) -> bool:
        return fullname in self._packages

    def get_source(self, fullname: str) -> Optional[str]:
        """The source, which is also where tracebacks find their lines."""
        if fullname in self._packages:
            return ""
        return self._sources.get(fullname)

    def get_code(self, fullname: str) -> Any:
        # The name has no <brackets>, with which a traceback would show no lines.
        return compile(self.get_source(fullname) or "", self._file(fullname), "exec")

    @staticmethod
    def _file(fullname: str) -> str:
        return "lpse-ops:{}.py".format(fullname.replace(".", "/"))


def start(sources: Dict[str, str]) -> None:
    """Become the agent: take over the process and serve until the controller goes away.

    The command line says how much of the input was ours, the magic word, the seconds between beats
    and the locale that the account has, which was another one for Python's own start.
    """
    finder = MemoryFinder(sources)
    # Before all others: an lpse-ops that is installed here may be another version.
    sys.meta_path.insert(0, finder)
    from lpse_ops.agent.entry import serve

    locale = sys.argv[4]
    os.environ.pop("LC_ALL", None)
    if locale:
        os.environ["LC_ALL"] = locale
    serve(finder.add, magic=bytes.fromhex(sys.argv[2]), beat_seconds=float(sys.argv[3]))
