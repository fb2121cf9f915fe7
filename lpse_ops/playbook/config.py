"""``ansible.cfg`` and the ``ANSIBLE_*`` variables: what of them matters here.

One file is read: ``$ANSIBLE_CONFIG``, ``./ansible.cfg``, ``~/.ansible.cfg`` or
``/etc/ansible/ansible.cfg``, the first there is.  A variable wins over the file.
"""

import configparser
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lpse_ops.errors import SettingsError
from lpse_ops.playbook.config_table import (
    IGNORED_KEYS,
    IGNORED_VARIABLES,
    PLUGIN_FOLDERS,
    SETTINGS,
    Setting,
)
from lpse_ops.playbook.keywords import as_bool

_FILE_NAME = "ansible.cfg"


@dataclass(frozen=True)
class Config:
    """Every setting with its value; the fields are those of ``config_table.SETTINGS``."""

    file: Path | None
    allow_broken_conditionals: bool
    any_errors_fatal: bool
    ask_pass: bool
    ask_vault_pass: bool
    become: bool
    become_allow_same_user: bool
    become_ask_pass: bool
    become_exe: str
    become_flags: str
    become_method: str
    become_password_file: str
    become_user: str
    callback_result_format: str
    collections_path: tuple[Path, ...]
    connection_password_file: str
    diff_always: bool
    diff_context: int
    display_args_to_stdout: bool
    display_failed_stderr: bool
    display_ok_hosts: bool
    display_skipped_hosts: bool
    duplicate_dict_key: str
    error_on_missing_handler: bool
    fact_caching: str
    fact_caching_connection: str
    fact_caching_prefix: str
    fact_caching_timeout: int
    force_color: bool
    force_handlers: bool
    forks: int
    gather_subset: tuple[str, ...]
    gather_timeout: int
    gathering: str
    hash_behaviour: str
    host_key_checking: bool
    host_pattern_mismatch: str
    inject_facts_as_vars: bool
    interpreter_python: str
    inventory: tuple[str, ...]
    inventory_any_unparsed_is_failed: bool
    inventory_unparsed_is_failed: bool
    inventory_unparsed_warning: bool
    localhost_warning: bool
    log_path: str
    no_color: bool
    no_log: bool
    poll_interval: int
    private_key_file: str
    private_role_vars: bool
    remote_port: int
    remote_user: str
    retry_files_enabled: bool
    retry_files_save_path: str
    roles_path: tuple[Path, ...]
    run_tags: tuple[str, ...]
    show_custom_stats: bool
    show_task_path_on_failure: bool
    skip_tags: tuple[str, ...]
    ssh_args: str
    ssh_common_args: str
    ssh_extra_args: str
    ssh_retries: int
    strategy: str
    task_timeout: int
    timeout: int
    transform_invalid_group_chars: str
    transport: str
    vault_id_match: bool
    vault_encrypt_identity: str
    vault_identity: str
    vault_identity_list: tuple[str, ...]
    vault_password_file: str
    verbosity: int


def load_config(
    environment: Mapping[str, str],
    folder: Path,
    warn: Callable[[str], None],
    *,
    home: Path | None = None,
) -> Config:
    """Read the settings for a run in ``folder``; warn once for each that changes nothing here."""
    # Not Path.home(), which raises where nobody knows it.
    home = home or Path(environment.get("HOME") or os.path.expanduser("~"))
    file = find_config(environment, folder, home, warn)
    sections = _read(file) if file is not None else {}
    reader = _Reader(environment, file, sections, folder, home)
    values = {setting.name: reader.value_of(setting) for setting in SETTINGS}
    for strange in _strange(environment, sections, file):
        warn(f"{strange} is not supported and changes nothing")
    return Config(file=file, **values)


def find_config(
    environment: Mapping[str, str], folder: Path, home: Path, warn: Callable[[str], None]
) -> Path | None:
    """The file that counts; one in a folder that anybody may write to is passed over."""
    asked = environment.get("ANSIBLE_CONFIG")
    if asked:
        path = Path(os.path.expanduser(asked))
        path = path / _FILE_NAME if path.is_dir() else path
        if path.is_file():
            return path
    here = folder / _FILE_NAME
    if here.is_file():
        if not folder.stat().st_mode & stat.S_IWOTH:
            return here
        warn(f"{here} is ignored: anybody may write to {folder}; chmod o-w {folder}")
    others = (home / f".{_FILE_NAME}", Path("/etc/ansible") / _FILE_NAME)
    return next((each for each in others if each.is_file()), None)


def _read(file: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{file}: {reason}", hint="correct the file") from error
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _strange(
    environment: Mapping[str, str], sections: Mapping[str, Mapping[str, str]], file: Path | None
) -> list[str]:
    """Settings of the file and the environment that nothing here reads."""
    variables = {name for setting in SETTINGS for name in setting.variables} | IGNORED_VARIABLES
    keys = {place for setting in SETTINGS for place in setting.keys} | IGNORED_KEYS
    strange = [
        f"${name}"
        for name in sorted(environment)
        if name.startswith("ANSIBLE_")
        and name not in variables
        and _is_setting(name, environment[name])
    ]
    for section, entries in sections.items():
        strange += [f"{file}: [{section}] {key}" for key in entries if (section, key) not in keys]
    return strange


def _is_setting(name: str, value: str) -> bool:
    """Variables of Ansible's own test runner are none, nor folders of plugins that do not exist."""
    if name in PLUGIN_FOLDERS:
        return any(map(os.path.isdir, value.split(":")))
    return not name.startswith("ANSIBLE_TEST_")


@dataclass(frozen=True)
class _Reader:
    """Turns what file and environment say into values."""

    environment: Mapping[str, str]
    file: Path | None
    sections: Mapping[str, Mapping[str, str]]
    folder: Path
    home: Path

    def value_of(self, setting: Setting) -> Any:
        for name in setting.variables:
            if name in self.environment:
                return self._convert(setting, self.environment[name], f"${name}", self.folder)
        for section, key in setting.keys:
            if self.file is not None and key in self.sections.get(section, {}):
                where = f"{self.file}: [{section}] {key}"
                text = _unquoted(self.sections[section][key])
                return self._convert(setting, text, where, self.file.absolute().parent)
        if setting.kind in ("paths", "path", "sources") and isinstance(setting.default, str):
            return self._convert(setting, setting.default, setting.name, self.folder)
        return setting.default

    def _convert(self, setting: Setting, text: str, where: str, folder: Path) -> Any:
        if setting.kind == "bool":
            return _checked(as_bool(text), where, "true or false")
        if setting.kind == "int":
            return _checked(_as_int(text), where, "a whole number")
        if setting.kind == "choice" and text not in setting.choices:
            raise _wrong(where, f"one of {', '.join(setting.choices)}")
        if setting.kind == "list":
            return tuple(each.strip() for each in text.split(",") if each.strip())
        if setting.kind == "paths":
            return tuple(self._path(each, folder) for each in text.split(":") if each)
        if setting.kind == "sources":
            return tuple(self._source(each, folder) for each in text.split(",") if each.strip())
        return str(self._path(text, folder)) if setting.kind == "path" and text else text

    def _path(self, text: str, folder: Path) -> Path:
        text = text.strip().replace("{{CWD}}", str(self.folder))
        home = self.environment.get("ANSIBLE_HOME") or str(self.home / ".ansible")
        text = os.path.expandvars(text.replace("{{ ANSIBLE_HOME }}", home))
        if text == "~" or text.startswith("~/"):
            text = str(self.home) + text[1:]
        return Path(os.path.normpath(folder / os.path.expanduser(text)))

    def _source(self, text: str, folder: Path) -> str:
        """An inventory is a path, and may be a list of hosts, which has a comma."""
        return str(self._path(text, folder))


def _checked(value: Any, where: str, expected: str) -> Any:
    if value is None:
        raise _wrong(where, expected)
    return value


def _wrong(where: str, expected: str) -> SettingsError:
    return SettingsError(f"{where} has to be {expected}", hint=f"correct {where}")


def _as_int(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def field_names() -> frozenset[str]:
    """The names of all settings, for whoever compares them with the table."""
    return frozenset(each.name for each in fields(Config)) - {"file"}
