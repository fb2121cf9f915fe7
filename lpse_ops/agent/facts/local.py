"""Facts that a site keeps on its hosts: JSON, INI or programs in /etc/ansible/facts.d."""

import configparser
import glob
import json
import os
import stat
from typing import Any, Callable, Dict

from lpse_ops.agent.commands import run_command


def read_local(folder: str, warn: Callable[[str], None]) -> Dict[str, Any]:
    """The fact ``local``: name of each ``*.fact`` file to what it says, or what is wrong."""
    facts = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.fact"))):
        name = os.path.basename(path).replace(".fact", "")
        try:
            facts[name] = parse_fact(_read(path), path)
        except ValueError as error:
            facts[name] = str(error)
            warn(str(error))
    return {"local": facts}


def parse_fact(content: bytes, path: str) -> Any:
    """Read JSON, or else INI; raises ValueError with what is wrong, in Ansible's words."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f'error loading fact - output of running "{path}" was not utf-8'
        ) from error
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"Failed to convert ({path}) to JSON: {error}") from error
    except ValueError:
        return _parse_ini(text, path)


def _parse_ini(text: str, path: str) -> Dict[str, Dict[str, str]]:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(
            f"error loading facts as JSON or ini - please check content: {path}"
        ) from error
    try:
        return {section: dict(parser.items(section)) for section in parser.sections()}
    except configparser.Error as error:
        raise ValueError(
            f"error loading facts as ini - please check content: {path} ({error})"
        ) from error


def _read(path: str) -> bytes:
    """Output of a program, or content of a file; what its owner may not run is none."""
    try:
        is_program = os.stat(path).st_mode & stat.S_IXUSR
    except OSError as error:
        raise ValueError(f"Could not stat fact ({path}): {error}") from error
    if is_program:
        return _run(path)
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        # As if it were empty: it may be meant for another account.
        return b""


def _run(path: str) -> bytes:
    try:
        finished = run_command([path])
    except OSError as error:
        raise ValueError(f"Could not execute fact script ({path}): {error}") from error
    if finished.rc:
        raise ValueError(
            f"Failure executing fact script ({path}), rc: {finished.rc}, err: {finished.stderr}"
        )
    return finished.stdout.encode("utf-8", "surrogateescape")
