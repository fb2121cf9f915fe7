"""Where things are on this server: as ``site.json`` says, else as the roles put them.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import json
from typing import Any, Dict, List, NamedTuple, Tuple
from urllib.parse import urlsplit

_MOST_BYTES = 1 << 20
_HTTPS_PORT = 443


class Page(NamedTuple):
    """A page by which the health proof judges over TLS: the name, where it is, who signed it."""

    name: str
    address: str
    port: int
    ca_file: str


class Site(NamedTuple):
    """``trouble`` says why ``site.json`` was not read, ``""`` if it was."""

    trouble: str
    link: str = "/home/appserv/spse"
    releases: str = "/opt/spse/releases"
    documents: str = "/home/file/file_prod"
    account: str = "appserv"
    port: int = 9090
    unit: str = "spse.service"
    java_home: str = ""
    database: str = "epns_prod"
    role: str = "epns"
    database_host: str = ""
    database_port: int = 5432
    database_user: str = "postgres"
    database_account: str = "postgres"
    passfile: str = ""
    programs: str = ""
    rollback_point: str = "auto"
    reserve_mib: int = 1024
    dump_folder: str = "/var/lib/lpse-ops/upgrade/dumps"
    accepted_risk: str = ""
    pages: Tuple[Page, ...] = ()


# Field -> where it stands in site.json.
_PLACES = {
    "link": ("link",),
    "account": ("application", "account"),
    "port": ("application", "port"),
    "java_home": ("application", "start", "environment", "JAVA_HOME"),
    "database": ("database", "name"),
    "database_host": ("database", "host"),
    "database_port": ("database", "port"),
    "database_user": ("database", "user"),
    "database_account": ("database", "account"),
    "passfile": ("database", "passfile"),
    "programs": ("database", "programs"),
    "rollback_point": ("database", "rollback_point"),
    "reserve_mib": ("database", "reserve_mib"),
    "dump_folder": ("database", "dump_folder"),
    "accepted_risk": ("backup", "accepted_risk"),
}


def read_site(path: str, said: Dict[str, Any]) -> Site:
    """What ``said`` names is stronger than the file, whose absence is no error."""
    value: Any = {}
    trouble = ""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(_MOST_BYTES).decode("utf-8"))
        if not isinstance(value, dict):
            trouble, value = "it is no JSON object", {}
    except FileNotFoundError:
        trouble = "it is not there"
    except OSError as error:
        trouble = error.strerror or str(error)
    except (ValueError, RecursionError):
        trouble = "it is no JSON"
    return make_site(value, said, trouble)


def make_site(value: Dict[str, Any], said: Dict[str, Any], trouble: str = "") -> Site:
    """Values of another type than they should have count as not there."""
    usual = Site("")._asdict()
    known = {name: _find(value, keys) for name, keys in _PLACES.items()}
    known.update({name: given for name, given in said.items() if given not in (None, "", 0)})
    fitting = {
        name: given
        for name, given in known.items()
        if given != "" and name in usual and type(given) is type(usual[name])
    }
    return Site(trouble, pages=tuple(find_pages(value)))._replace(**fitting)


def find_pages(value: Dict[str, Any]) -> List[Page]:
    """The pages of the health proof that are asked for over TLS, one of each name."""
    found: Dict[str, Page] = {}
    pages = _find(value, ("health", "pages"))
    for page in pages if isinstance(pages, list) else []:
        page = page if isinstance(page, dict) else {}
        url, address, ca_file = (page.get(key) or "" for key in ("url", "address", "ca_file"))
        if not all(isinstance(each, str) for each in (url, address, ca_file)):
            continue
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _HTTPS_PORT
        except ValueError:
            continue
        if parts.scheme == "https" and host:
            found.setdefault(host, Page(host, address or host, port, ca_file))
    return list(found.values())


def _find(value: Any, keys: Tuple[str, ...]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
