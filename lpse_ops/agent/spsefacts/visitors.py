"""Who asked SPSE for something lately, by the web server's log: counted here, and only counted.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import calendar
import glob
import ipaddress
import os
import re
import time
from typing import Any, Dict, Iterable, Iterator, Optional, Sequence, Set

_LOGS = (
    "/var/log/apache2/*access*.log",
    "/var/log/httpd/*access*log",
    "/var/log/nginx/*access*.log",
)
_MOST_BYTES = 8 << 20
_MOST_FILES = 20
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
# Common log format, or the one that begins with the virtual host.
_LINE = re.compile(
    r"(?:\S+:\d+ )?(?P<peer>[0-9a-fA-F.:]+) \S+ .{0,200}?"
    r"\[(?P<day>\d\d)/(?P<month>\w{3})/(?P<year>\d{4}):(?P<time>\d\d:\d\d:\d\d) "
    r"(?P<sign>[+-])(?P<zone>\d{4})\] \"(?P<request>[^\"]{0,2000})"
)


def read_visitors(path: str, minutes: int) -> Dict[str, Any]:
    """How many addresses asked for something below ``path`` in the last minutes."""
    logs = [log for pattern in _LOGS for log in sorted(glob.glob(pattern))][:_MOST_FILES]
    since = time.time() - minutes * 60
    peers: Set[str] = set()
    requests = 0
    read = 0
    for log in logs:
        try:
            if os.stat(log).st_mtime < since:
                read += 1
                continue
            lines = _last_lines(log)
        except OSError:
            continue
        read += 1
        found = list(find_peers(lines, path, since))
        requests += len(found)
        peers.update(found)
    return {"logs": len(logs), "read": read, "addresses": len(peers), "requests": requests}


def find_peers(lines: Iterable[str], path: str, since: float) -> Iterator[str]:
    """The address of each request below the path, but for the machine's own."""
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        words = found.group("request").split(" ")
        moment = _moment(found.groupdict())
        if moment is None or moment < since or len(words) < 2 or not _is_below(words[1], path):
            continue
        try:
            peer = ipaddress.ip_address(found.group("peer"))
        except ValueError:
            continue
        if not peer.is_loopback:
            yield str(peer)


def _is_below(asked: str, path: str) -> bool:
    asked = asked.partition("?")[0]
    return asked == path or asked.startswith(path.rstrip("/") + "/")


def _moment(words: Dict[str, str]) -> Optional[float]:
    month = _MONTHS.get(words["month"])
    if month is None:
        return None
    hours, minutes, seconds = map(int, words["time"].split(":"))
    try:
        moment = calendar.timegm(
            (int(words["year"]), month, int(words["day"]), hours, minutes, seconds)
        )
    except (ValueError, OverflowError):
        return None
    zone = (int(words["zone"][:2]) * 60 + int(words["zone"][2:])) * 60
    return moment - zone if words["sign"] == "+" else moment + zone


def _last_lines(path: str) -> Sequence[str]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - _MOST_BYTES, 0))
        return file.read(_MOST_BYTES).decode("utf-8", "replace").splitlines()
