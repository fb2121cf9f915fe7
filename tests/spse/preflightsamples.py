"""Facts of a server on which nothing is wrong; tests change what they are about."""

import base64
import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lpse_ops.spse.preflight import judge
from lpse_ops.spse.preflightcheck import Asked, Check

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
NAME = "lpse.contoh.go.id"
GIB = 1 << 30
UPGRADE, INSTALL = Asked("upgrade", NOW), Asked("install", NOW)
_KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(*names: str, days_left: float = 200, begun_days_ago: float = 10) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sample")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=begun_days_ago))
        .not_valid_after(NOW + timedelta(days=days_left))
        .add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=False)
        .sign(_KEY, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization_der())).decode()


def serialization_der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


def room(purpose: str, device: str = "1", **values: Any) -> dict[str, Any]:
    usual = {
        "purpose": purpose,
        "path": f"/{purpose}",
        "is_there": True,
        "device": device,
        "total_bytes": 100 * GIB,
        "free_bytes": 50 * GIB,
        "inodes": 1000,
        "free_inodes": 900,
        "is_read_only": False,
    }
    return usual | values


WELL: dict[str, Any] = {
    "system": {
        "id": "debian",
        "name": "Debian GNU/Linux 12 (bookworm)",
        "version": "12",
        "is_stream": False,
        "machine": "x86_64",
        "is_root": True,
    },
    "memory": {"total_bytes": 16 * GIB, "available_bytes": 8 * GIB, "out_of_memory_kills": 0},
    "rooms": {"found": [room("database"), room("dumps"), room("releases"), room("documents")]},
    "reboot": {
        "is_required": False,
        "packages": [],
        "running_kernel": "6.1.0-18-amd64",
        "newest_kernel": "6.1.0-18-amd64",
        "needs_restarting": False,
    },
    "units": {
        "failed": [],
        "trouble": "",
        "spse": {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"},
        "rc_local": [],
    },
    "confinement": {"selinux": "disabled", "selinux_configured": "", "apparmor": True},
    "clock": {
        "now": NOW.timestamp(),
        "source": "chrony",
        "is_synchronised": True,
        "offset_seconds": 0.002,
        "error_seconds": 0.03,
    },
    "names": {"found": [{"name": NAME, "addresses": ["203.0.113.9"], "seconds": 0.01}]},
    "ports": {
        "listening": [
            {"port": 80, "address": "::", "program": "apache2"},
            {"port": 443, "address": "::", "program": "apache2"},
            {"port": 5432, "address": "127.0.0.1", "program": "postgres"},
            {"port": 9090, "address": "127.0.0.1", "program": "java"},
        ],
        "connected": {"443": 0},
        "connected_peers": 0,
    },
    "certificates": {"found": [{"name": NAME, "der": certificate(NAME)}]},
    "visitors": {"logs": 1, "read": 1, "addresses": 0, "requests": 0},
    "backups": {
        "is_installed": True,
        "destinations": [
            {"name": "disk", "age_seconds": 3600, "verified": "2026-11-22T12:00:00+00:00"}
        ],
    },
    "release": {"link": "/home/appserv/spse", "site_trouble": "", "state": "release"}
    | {"version": "4.4"},
    "java": {
        "found": [
            {"from": "process", "path": "/usr/bin/java", "is_there": True, "version": "17.0.9"}
        ],
        "running": 1,
        "resident_bytes": GIB,
        "heap_bytes": 2 * GIB,
    },
    "upgrade": {"phase": "none"},
    "database": {
        "version_number": 150008,
        "version": "15.8",
        "most_connections": 100,
        "reserved_connections": 3,
        "used_connections": 20,
        "is_standby": False,
        "prepared": 0,
        "is_superuser": False,
        "default_password": False,
        "trusts": 0,
        "database": {"size_bytes": 4 * GIB, "tablespace": "pg_default"},
        "sessions": [{"program": "PostgreSQL JDBC Driver", "is_spse": True, "count": 10}],
        "inside_trouble": "",
        "extensions": ["plpgsql 1.0"],
        "large_objects": 0,
        "placed_elsewhere": 0,
        "tables": 9,
    },
    "site": {
        "port": 9090,
        "database": "epns_prod",
        "role": "epns",
        "reserve_mib": 1024,
        "rollback_point": "auto",
        "accepted_risk": "",
        "pages": [NAME],
    },
}


def changed(facts: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``{"memory.total_bytes": 1}`` is that value in place of the one that was there."""
    made = copy.deepcopy(dict(facts))
    for path, value in changes.items():
        *above, last = path.split(".")
        place = made
        for key in above:
            place = place[key]
        place[last] = value
    return made


def levels(changes: Mapping[str, Any], asked: Asked = UPGRADE) -> dict[str, str]:
    """The gravest level of each check of a well server with changes."""
    order = ("SKIPPED", "OK", "WARNING", "UNKNOWN", "CRITICAL")
    found: dict[str, str] = {}
    for check in checks(changes, asked):
        level = check.level.value
        found[check.id] = max(found.get(check.id, "SKIPPED"), level, key=order.index)
    return found


def checks(changes: Mapping[str, Any], asked: Asked = UPGRADE) -> list[Check]:
    return judge(changed(WELL, changes), asked)
