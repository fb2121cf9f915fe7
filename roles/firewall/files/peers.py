"""Print as JSON which addresses are logged in, and which of them no network covers.

    python3 peers.py PORT SSH_CONNECTION NETWORK...

``SSH_CONNECTION`` is that of whoever applies the role, "" when nobody knows it: then everybody's
connection to sshd counts.  Standard library, Python 3.6.
"""

import ipaddress
import json
import os
import subprocess
import sys

# Who becomes root by su may have the way of another account.
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"


def read_peers(port):
    argv = ["ss", "-Htn", "state", "established", f"sport = :{port}"]
    said = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout.decode()
    return [line.split()[-1].rpartition(":")[0].strip("[]") for line in said.splitlines()]


def read_ports():
    """Where sshd is told to listen."""
    try:
        done = subprocess.run(["sshd", "-T"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return []
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [int(line[5:]) for line in lines if line.startswith("port ")]


def parse_address(text):
    """IPv4 in IPv6 is IPv4, for the packet filter too; the interface of fe80:: does not count."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def main(port, connection, *networks):
    words = connection.split()
    allowed = [ipaddress.ip_network(each) for each in networks]
    peers = {parse_address(each) for each in (words[:1] or read_peers(int(port)))}
    out = [peer for peer in peers if not peer.is_loopback]
    out = [peer for peer in out if not any(peer in network for network in allowed)]
    ports = [int(word) for word in words[3:4]] or read_ports()
    ports = [int(port)] if int(port) in ports else ports
    told = {
        "peers": sorted(map(str, peers)),
        "out": sorted(map(str, out)),
        "port": (ports or [int(port)])[0],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
