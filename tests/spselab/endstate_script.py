"""Runs on a host, as root, with its own Python: prints what an installation is, as JSON.

Section -> thing -> what it is like.  Secrets that the host made for itself are masked before
anything is hashed: two hosts that differ in nothing else are the same.
"""

import grp
import hashlib
import json
import os
import pathlib
import pwd
import re
import stat
import subprocess

TREES = ("/etc", "/usr/local", "/opt/spse", "/home/appserv", "/home/file", "/var/www", "/var/spool")
# Of these only who may do what: they fill from hour to hour.
FOLDERS = ("/var/lib/lpse-ops", "/var/lib/postgresql", "/var/log", "/opt/lpse-ops")
DEPTH = 3
VOLATILE = re.compile(
    r"^/etc/(\.pwd\.lock|adjtime|hostname|hosts|machine-id|mtab|resolv\.conf|ld\.so\.cache)$"
    r"|^/etc/apt/apt\.conf\.d/90lab$|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$"
    r"|/logs?(/|$)|\.pid$|/__pycache__(/|$)|\.pyc$|^/var/spool/rsyslog/"
)
# Who listens there, whatever number it got.
SOCKET = re.compile(r'"([^"]+)"')
SYSCTLS = ("net.ipv4.", "net.ipv6.", "net.core.", "kernel.", "fs.", "vm.")
VOLATILE_SYSCTL = re.compile(
    r"^(fs\.(dentry-state|file-nr|inode-|quota|aio-nr)|kernel\.(random|ns_last_pid|hostname|pty|"
    r"sched_domain)|net\.(core\.netdev_rss_key|ipv[46]\.(conf|neigh)\.host0\.(stable_secret|"
    r"base_reachable)|ipv4\.tcp_fastopen_key)|vm\.(stat|memory_failure))"
)


def main():
    mask = find_secrets()
    print(json.dumps({
        "files": {path: describe(path, mask) for path in files()},
        "folders": {path: describe(path, mask) for path in folders()},
        "units": units(),
        "packages": table(["dpkg-query", "-W", "-f", "${Package}\t${Version} ${Status}\n"], "\t"),
        "accounts": accounts(),
        "groups": {g.gr_name: f"{g.gr_gid} {sorted(g.gr_mem)}" for g in grp.getgrall()},
        "sockets": sockets(),
        "sysctl": sysctls(),
        "sshd": table(["/usr/sbin/sshd", "-T"], " "),
        "nft": dict.fromkeys(nft(), ""),
        "database": database(),
        "python": table(["/opt/lpse-ops/bin/pip", "list", "--format=freeze"], "=="),
    }, sort_keys=True))  # fmt: skip


def files():
    for tree in TREES:
        for folder, names, plain in os.walk(tree):
            for name in names + plain:
                path = os.path.join(folder, name)
                if not VOLATILE.search(path):
                    yield path


def folders():
    for tree in FOLDERS:
        for folder, names, _ in os.walk(tree):
            names[:] = names if folder.count("/") - tree.count("/") < DEPTH - 1 else []
            if not re.search(r"/(journal|base|pg_\w+|\w+-\w+-\w+)(/|$)", folder):
                yield folder


def describe(path, mask):
    try:
        about = os.lstat(path)
    except OSError:
        return "gone"
    words = [oct(stat.S_IMODE(about.st_mode)), name_of(about)]
    if stat.S_ISLNK(about.st_mode):
        words.append("-> " + os.readlink(path))
    elif stat.S_ISREG(about.st_mode):
        content = pathlib.Path(path).read_bytes()
        for secret in mask:
            content = content.replace(secret, b"(secret)")
        # Of the backup, noted by the host itself.
        content = re.sub(rb"(repository_id: )[0-9a-f]{64}", rb"\1(made by chance)", content)
        words.append(hashlib.sha256(content).hexdigest()[:16])
    elif stat.S_ISDIR(about.st_mode):
        words.append("folder")
    return " ".join(words)


def name_of(about):
    try:
        user = pwd.getpwuid(about.st_uid).pw_name
    except KeyError:
        user = str(about.st_uid)
    try:
        return user + ":" + grp.getgrgid(about.st_gid).gr_name
    except KeyError:
        return user + ":" + str(about.st_gid)


def find_secrets():
    """What the roles make by chance on each host, longest first."""
    found = set()
    for file in pathlib.Path("/etc/lpse-ops").rglob("*password*"):
        if file.is_file():
            found.update(word for word in file.read_bytes().split() if len(word) >= 8)
    return sorted(found, key=len, reverse=True)


def units():
    found = {unit["unit_file"]: unit["state"] for unit in systemctl("list-unit-files")}
    for unit in systemctl("list-units", "--all"):
        name, state, sub = unit["unit"], unit["active"], unit["sub"]
        kind = name.rpartition(".")[2]
        if kind in ("service", "socket", "timer", "path") and unit["load"] == "loaded":
            # What ends by itself may have ended already, or not been asked for yet.
            words = found.get(name, "") if state in ("inactive", "activating") else state
            if not re.match(r"(session|user|run|systemd|dpkg|apt|e2scrub|logrotate|man-db)", name):
                found[name + " now"] = words + (" " + sub if words == "active" else "")
    return found


def systemctl(*words):
    return json.loads("".join(run(["systemctl", *words, "--output=json", "--no-pager"])))


def accounts():
    hidden = {}
    for line in pathlib.Path("/etc/shadow").read_text().splitlines():
        name, hashed, _, *ages = line.split(":")
        hidden[name] = (hashed if len(hashed) < 4 else "hash " + hashed[:3], ages)
    return {p.pw_name: " ".join(map(str, (*p[2:], hidden.get(p.pw_name)))) for p in pwd.getpwall()}


def sockets():
    found = {}
    for line in run(["ss", "-Hltnup"]):
        words = line.split()
        owners = sorted(set(SOCKET.findall(" ".join(words[6:]))))
        found[f"{words[0]} {words[4]}"] = " ".join(owners)
    return found


def sysctls():
    every = table(["sysctl", "-a"], " = ")
    return {
        name: value
        for name, value in every.items()
        if name.startswith(SYSCTLS) and not VOLATILE_SYSCTL.match(name)
    }


def nft():
    place, found = [], []
    for line in run(["nft", "list", "ruleset"]):
        line = re.sub(r"counter packets \d+ bytes \d+", "counter", line.strip())
        if line.endswith("{"):
            place.append(line)
        if line == "}":
            place.pop()
        else:
            found.append(f"{len(found)} {' '.join([*place, line])}")
    return found


def database():
    query = """
        SELECT 'database ' || datname, concat_ws(' ', pg_get_userbyid(datdba),
               pg_encoding_to_char(encoding), datcollate, datacl::text) FROM pg_database
        UNION ALL
        SELECT 'role ' || rolname, concat_ws(' ', rolsuper, rolcreatedb, rolcreaterole, rolcanlogin,
               rolreplication, rolbypassrls, rolconnlimit, left(rolpassword, 14)) FROM pg_authid
        UNION ALL
        SELECT 'setting ' || name, setting FROM pg_settings
        WHERE source NOT IN ('default', 'client', 'session', 'override')
        UNION ALL
        SELECT 'rule ' || line_number, concat_ws(' ', type, database, user_name, address, netmask,
               auth_method) FROM pg_hba_file_rules
    """
    rows = """
        SELECT 'table ' || schemaname || '.' || tablename, concat_ws(' ', tableowner,
               xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I',
               schemaname, tablename), false, true, ''))) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    """
    psql = ["runuser", "-u", "postgres", "--", "psql", "-XAtF\t", "-c"]
    return {**table([*psql, query], "\t"), **table([*psql, rows, "epns_prod"], "\t")}


def table(argv, separator):
    return dict(line.split(separator, 1) for line in run(argv) if separator in line)


def run(argv):
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/")
    except OSError:
        return []
    return done.stdout.decode(errors="replace").splitlines()


main()
