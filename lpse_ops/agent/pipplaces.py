"""Where packages of Python go: which pip is run and how, and virtualenvs made for it.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import importlib.util
import os
import shlex
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.commands import SYSTEM_FOLDERS, Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed


class Place(NamedTuple):
    """Where and how pip is run."""

    pip: List[str]
    folder: str
    environment: Dict[str, str]
    umask: Optional[int]

    def run(self, *words: str) -> Finished:
        return _run([*self.pip, *words], self)


def failure(argv: List[str], finished: Optional[Finished]) -> Failed:
    message = ""
    if finished and finished.stdout:
        message += f"stdout: {finished.stdout}"
    if finished and finished.stderr:
        message += f"\n:stderr: {finished.stderr}"
    return Failed(message, cmd=argv)


def find_pip(env: Optional[str], executable: Optional[str], context: Context) -> List[str]:
    """The pip of the virtualenv, the one that is named, or that of our own Python."""
    if env:
        for name in ("pip3", "pip"):
            path = os.path.join(env, "bin", name)
            if os.path.exists(path) and os.access(path, os.X_OK):
                return [path]
        raise Failed(
            f"Unable to find pip in the virtualenv, {env}, under any of these names: pip3, pip. "
            "Make sure pip is present in the virtualenv."
        )
    if executable and os.path.isabs(executable):
        return [executable]
    if not executable and importlib.util.find_spec("pip"):
        return [context.python, "-m", "pip"]
    name = executable or "pip3"
    found = find_program(name)
    if not found:
        raise Failed(f"Unable to find any of {name} to use.  pip needs to be installed.")
    return [found]


def make_virtualenv(env: str, args: Dict[str, Any], context: Context, place: Place) -> Finished:
    argv = shlex.split(args["virtualenv_command"])
    is_venv = argv[:1] == ["pyvenv"] or _runs_module(argv[1:], "venv")
    if os.path.basename(argv[0]) == argv[0]:
        found = find_program(argv[0])
        if not found:
            folders = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
            raise Failed(f'Failed to find required executable "{argv[0]}" in paths: {folders}')
        argv[0] = found
    if args["virtualenv_site_packages"]:
        argv.append("--system-site-packages")
    elif not is_venv and "--no-site-packages" in _run([argv[0], "--help"], place).stdout.split():
        argv.append("--no-site-packages")
    if is_venv and args["virtualenv_python"]:
        raise Failed(
            "virtualenv_python should not be used when using the venv module or pyvenv as "
            "virtualenv_command"
        )
    if not is_venv:
        argv.append("-p{}".format(args["virtualenv_python"] or context.python))
    finished = _run([*argv, env], place)
    if finished.rc != 0:
        raise failure([*argv, env], finished)
    return finished


def _runs_module(words: List[str], name: str) -> bool:
    pairs = list(zip(words, words[1:]))
    return ("-m", name) in pairs or f"-m{name}" in words


def _run(argv: List[str], place: Place) -> Finished:
    try:
        return run_command(argv, cwd=place.folder, environment=place.environment, umask=place.umask)
    except OSError as error:
        raise Failed(f"cannot run {argv[0]} in {place.folder}: {error.strerror}") from error
