"""A machine of the lab on which the stand-in serves behind Apache httpd, as in the field."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.lab.installing import install_program
from tests.lab.lab import Host, Lab
from tests.spselab.prepared import bring_up_prepared
from tests.standin.build import find_packages

NAME = "lpse.contoh.go.id"
CERTIFICATE = "/etc/ssl/certs/lpse.pem"
_STEPRUNNER = Path(__file__).parents[2] / "roles/spse/files/steprunner"
_SITE = {
    "link": "/home/appserv/spse",
    "maintenance": {"flag": "/var/www/lpse-ops/maintenance.html", "notice": "<h1>Tunggu</h1>"},
    "application": {
        "account": "appserv",
        "port": 9090,
        "start": {"argv": ["systemctl", "enable", "--now", "spse"], "account": "root"},
        "stop": {"argv": ["systemctl", "disable", "--now", "spse"], "account": "root"},
        "migration": {"argv": ["{link}/spse4", "migration"]},
    },
    "backup": {
        "run": {"argv": ["lpse-ops", "backup", "run", "--format", "json"]},
        "verify": {"argv": ["lpse-ops", "backup", "check"]},
    },
    "database": {"name": "epns_prod", "reserve_mib": 0},
    "health": {
        "seconds": 30,
        "pages": [
            {
                "name": "proxy",
                "url": f"https://{NAME}/eproc4/login",
                "address": "127.0.0.1",
                "ca_file": CERTIFICATE,
                "text": "Sistem Pengadaan Secara Elektronik",
            }
        ],
    },
}
_SETTINGS = """\
site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}
backup:
  paths: [/home/file/file_prod]
  databases: [{url: postgresql:///epns_prod}]
  password_file: backup.password
  destinations: [{name: disk-a, location: /srv/repo}]
"""
_SERVICE = """\
[Service]
Type=forking
GuessMainPID=yes
User=appserv
WorkingDirectory=/home/appserv/spse
ExecStart=/home/appserv/spse/spse4 start
ExecStop=/home/appserv/spse/spse4 stop

[Install]
WantedBy=multi-user.target
"""
_VIRTUAL_HOST = f"""\
ServerName {NAME}
<VirtualHost *:443>
  SSLEngine on
  SSLCertificateFile {CERTIFICATE}
  SSLCertificateKeyFile /etc/ssl/private/lpse.key
  CustomLog /var/log/apache2/access.log combined
  ProxyPass /eproc4 http://localhost:9090/eproc4
</VirtualHost>
"""
# The default password of the field; chrony must not set the clock of the whole laboratory.
_PREPARE = f"""\
set -eu
useradd --system --create-home appserv
mkdir -p /home/file/file_prod /var/www/lpse-ops /etc/lpse-ops/spse /opt/spse \\
    /etc/systemd/system/chrony.service.d
chown appserv /home/file/file_prod
chmod 600 /etc/lpse-ops/spse/site.json /etc/lpse-ops/backup.password
runuser -u postgres -- psql -Xq -c "CREATE ROLE epns LOGIN PASSWORD 'epns'" \\
    -c "CREATE DATABASE epns_prod OWNER epns" -c "CREATE ROLE root SUPERUSER LOGIN"
lpse-ops spse release unpack /root/spse.tar.gz --release 4.4 --quiet
lpse-ops spse release switch 4.4 --quiet
runuser -u appserv -- /home/appserv/spse/spse4 migration
printf '[Unit]\\nConditionCapability=\\n' >/etc/systemd/system/chrony.service.d/lab.conf
echo 'DAEMON_OPTS="-F 1 -x"' >/etc/default/chrony
a2enmod -q ssl proxy proxy_http && a2dissite -q 000-default && a2ensite -q lpse
echo "127.0.0.1 {NAME}" >>/etc/hosts
systemctl daemon-reload
systemctl restart apache2 chrony
systemctl enable --quiet --now spse
"""


def bring_up(lab: Lab, name: str) -> Host:
    """SPSE 4.4 serves there; there are settings for backups, and no repository."""
    [host] = bring_up_prepared(lab, name)
    install_program(host)
    tar = ["tar", "-c", "--exclude=__pycache__", "-C", str(_STEPRUNNER.parent), _STEPRUNNER.name]
    sent = subprocess.run(tar, check=True, capture_output=True).stdout
    where = "/usr/local/lib/lpse-ops"
    line = f"mkdir -p {where} && tar -x --no-same-owner -C {where}"
    subprocess.run(host.ssh_argv(line), input=sent, check=True)
    archive = find_packages()["spse-4.4"].archive
    with archive.open("rb") as stream:
        subprocess.run(host.ssh_argv("cat >/root/spse.tar.gz"), stdin=stream, check=True)
    certificate, key = make_certificate(days=20)
    for path, text in {
        "/etc/lpse-ops/spse/site.json": json.dumps(_SITE),
        "/etc/lpse-ops/lpse-ops.yml": _SETTINGS,
        "/etc/lpse-ops/backup.password": "rahasia\n",
        "/etc/systemd/system/spse.service": _SERVICE,
        "/etc/apache2/sites-available/lpse.conf": _VIRTUAL_HOST,
        CERTIFICATE: certificate,
        "/etc/ssl/private/lpse.key": key,
    }.items():
        write(host, path, text)
    host.run("sh", "-c", _PREPARE, timeout_seconds=120)
    return host


def write(host: Host, path: str, text: str, mode: str = "644") -> None:
    line = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
    host.run("sh", "-c", line, "sh", path, mode, stdin=text)


def make_certificate(*, days: int) -> tuple[str, str]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), private.decode()
