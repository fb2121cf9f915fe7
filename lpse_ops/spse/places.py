"""Where SPSE and what looks after it are on a server, unless its role was told otherwise."""

from pathlib import Path

LINK = Path("/home/appserv/spse")
RELEASES = Path("/opt/spse/releases")
SITE = Path("/etc/lpse-ops/spse/site.json")
STEPRUNNER = Path("/usr/local/lib/lpse-ops/steprunner")
