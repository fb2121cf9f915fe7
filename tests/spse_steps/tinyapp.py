"""A web application of a hundred lines in SPSE's shape: ``spse4``, ``server.pid``, a login page.

Its release says which version of the database it wants; with another one it does not answer.
"""

import os
from pathlib import Path

START_SCRIPT = """#!/bin/sh
cd "$(dirname "$(readlink -f "$0")")" || exit 1
case "$1" in
start)
  mkdir -p tmp logs
  nohup /usr/bin/python3 -I -S app.py >> logs/system.out 2>&1 &
  echo $! > server.pid ;;
stop)
  test -e deaf && exit 0
  kill -9 "$(cat server.pid)"; rm -f server.pid; rm -rf tmp ;;
migration)
  echo "Sistem akan Melakukan Migration / Harap Dilakukan Backup Database SPSE"
  echo "db=$(sed -n 's/^db=//p' conf/application.conf)"
  . conf/libpq.sh
  exec psql -X -q -v ON_ERROR_STOP=1 -f migration.sql ;;
esac
"""

SOURCE = """
import os, signal, socket, subprocess, sys, time

def read(name):
    with open(name) as stream:
        return stream.read().strip()

def log(level, text):
    with open("logs/spse%s.log" % version, "a") as stream:
        stream.write(time.strftime("%d%m%y %H:%M:%S ") + "%-5s ~ %s\\n" % (level, text))

def ask(sql):
    return subprocess.check_output(
        ["/bin/sh", "-c", ". conf/libpq.sh; exec psql -X -A -t -c \\"$0\\"", sql]
    ).decode().strip()

if os.path.exists("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
version, wanted = read("version"), read("schema")
settings = dict(line.split("=", 1) for line in read("conf/application.conf").splitlines())
log("INFO", "Application 'SPSE %s' is starting" % version)
found = ask("SELECT max(versi) FROM versi")
if os.path.exists("noisy"):
    log("ERROR", "@7f3 Internal Server Error, could not load plugin password=rahasia123")
status = "200 OK" if found == wanted else "500 Internal Server Error"
if os.path.exists("hanging"):
    status = "504 Gateway Timeout"
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(settings["http.port"])))
listener.listen(16)
log("INFO", "Listening for HTTP on port %s ..." % settings["http.port"])
body = "<title>SPSE %s</title> Masuk sebagai Penyedia, situs %s" % (version, settings["situs"])
answer = "HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s"
while True:
    caller, _address = listener.accept()
    caller.settimeout(5)
    try:
        caller.recv(65536)
        caller.sendall((answer % (status, len(body), body)).encode())
    except OSError:
        pass
    caller.close()
"""


def write_release(folder: Path, version: str, schema: str, migration: str, owner: int) -> None:
    """Write a release as its package would be unpacked."""
    (folder / "conf").mkdir(parents=True)
    (folder / "spse4").write_text(START_SCRIPT)
    (folder / "spse4").chmod(0o755)
    (folder / "app.py").write_text(SOURCE)
    (folder / "version").write_text(version)
    (folder / "schema").write_text(schema)
    (folder / "migration.sql").write_text(migration)
    (folder / "conf/application.conf").write_text("http.port=9\nsitus=contoh\n")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner if owner == 0 else -1)
