"""``get_url``, ``uri`` and ``git`` by an agent on a host that has a web server of its own."""

from typing import Any

import pytest

from lpse_ops.remote.request import RunOptions

pytestmark = pytest.mark.xdist_group("lab-packages")

SERVER = "cd /srv && printf halo >halo.txt && systemd-run -q -p WorkingDirectory=/srv "
SERVER += "python3 -m http.server --bind 127.0.0.1 8099"
URL = "http://127.0.0.1:8099"


@pytest.fixture(scope="module", autouse=True)
def server(hosts):
    hosts[1].run("sh", "-c", SERVER)
    hosts[1].run("sh", "-c", "for i in $(seq 200); do grep -q :1FA3 /proc/net/tcp && exit; done")


def do(link: Any, module: str, *, check: bool = False, **args: Any) -> Any:
    return link.run(module, args, options=RunOptions(check_mode=check, diff_mode=True))


def test_a_file_of_the_web(hosts, link):
    args = {"url": f"{URL}/halo.txt", "dest": "/opt/halo", "mode": "0600", "owner": "daemon"}
    assert do(link, "get_url", check=True, **args)["changed"]
    assert hosts[1].run("test", "-e", "/opt/halo", check=False).status == 1
    answers = [do(link, "get_url", **args) for _ in range(2)]
    assert [answer["changed"] for answer in answers] == [True, False]
    assert hosts[1].run("stat", "-c", "%U %a %s", "/opt/halo").stdout == "daemon 600 4\n"
    assert not hosts[1].run("sh", "-c", "ls -A /opt | grep lpse-ops", check=False).stdout


def test_a_service_of_the_web(link):
    answer = do(link, "uri", url=f"{URL}/halo.txt", return_content=True)
    assert (answer["status"], answer["content"], answer["changed"]) == (200, "halo", False)
    missing = do(link, "uri", url=f"{URL}/nihil")
    assert missing["msg"] == ("Status code was 404 and not [200]: HTTP Error 404: File not found")
    assert do(link, "uri", check=True, url=f"{URL}/nihil")["skipped"]


def test_a_host_without_git_says_so(hosts, link):
    assert hosts[1].run("sh", "-c", "command -v git", check=False).status != 0
    answer = do(link, "git", repo="/srv/r", dest="/srv/c")
    assert 'Failed to find required executable "git"' in answer["msg"]
