"""Facts that a site keeps on its hosts: JSON, INI or programs in /etc/ansible/facts.d."""

import configparser
import glob
import json
import os
from typing import Any, Callable, Dict

from lpse_ops.agent.commands import decode, run_command


def read_local(folder: str, warn: Callable[[str], None]) -> Dict[str, Any]:
    """The fact ``local``: name of each ``*.fact`` file to what it says, or what is wrong."""
    facts = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.fact"))):
        name = os.path.basename(path)[: -len(".fact")]
        try:
            facts[name] = parse_fact(_read(path), path)
        except (OSError, ValueError) as error:
            facts[name] = str(error)
            warn(str(error))
    return {"local": facts}


def parse_fact(text: str, path: str) -> Any:
    """Read JSON, or else INI; raises ValueError with what is wrong."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(
            f"error loading facts as JSON or ini - please check content: {path}"
        ) from error
    return {
        section: {key: _value(parser, section, key) for key in parser[section]}
        for section in parser.sections()
    }


def _value(parser: configparser.ConfigParser, section: str, key: str) -> str:
    """A value with others filled in where it names them, else as it is written."""
    try:
        return parser.get(section, key)
    except configparser.InterpolationError:
        return parser.get(section, key, raw=True)


def _read(path: str) -> str:
    """Output of a program, or content of a file."""
    if not os.access(path, os.X_OK):
        with open(path, "rb") as stream:
            return decode(stream.read())
    finished = run_command([path])
    if finished.rc:
        raise ValueError(
            f"Failure executing fact script ({path}), rc: {finished.rc}, err: {finished.stderr}"
        )
    return finished.stdout
