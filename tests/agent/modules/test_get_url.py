"""The ``get_url`` module beside ansible-core's, both with a real server."""

import hashlib
import json
import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import ALL, Case, assert_same, run_modules, run_ours
from tests.agent.thishost import run_task
from tests.agent.webserver import HUGE_BYTES, MODIFIED, PASSWORD, TEXT, USER, serve, serve_tls

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("get_url-module")

SHA256 = hashlib.sha256(TEXT).hexdigest()
RUN = ("run",)
# Where theirs says less, or says it in terms of their temporary file.
OF_RESULT = frozenset({"msg", "url", "dest", "checksum_src", "checksum_dest"}) | {
    *("owner", "group", "uid", "gid", "mode", "size", "state")
}
NOTHING = having()
# Where the content lies meanwhile, and what is not the same twice.
APART = frozenset({"src", "elapsed"})


def aged(name: str, seconds: int) -> Make:
    return lambda root: os.utime(root / name, (MODIFIED + seconds, MODIFIED + seconds))


OLD = also(having(d="old\n"), aged("d", -9))
NEWER = also(having(d="mine\n"), aged("d", 9))
SAME = also(having(d=TEXT.decode()), aged("d", -9))


def get(name: str, make: Make = NOTHING, phases: Any = RUN, **args: Any) -> Case:
    args = {"url": "SERVER/file/halo.txt", "dest": "ROOT/d", **args}
    apart = APART | OF_RESULT if name.endswith("_refused") else APART
    return Case(name, "get_url", args, make, phases, apart)


def sums(text: str) -> str:
    return f"sha256:SERVER/sums?text={quote(text)}"


CASES = [
    get("new", phases=ALL),
    get("mode", phases=ALL, mode="0600", group="nogroup"),
    get("changed", OLD, phases=ALL),
    get("kept_mode", also(OLD, mode("d", 0o640)), backup=True),
    get("newer_here", NEWER, phases=ALL, mode="0600"),
    get("newer_here_forced", NEWER, phases=ALL, force=True),
    get("same", SAME, phases=ALL),
    get("same_other_mode", SAME, mode="0600"),
    get("same_backup", SAME, backup=True, force=True),
    get("into_folder", folders("d"), phases=ALL),
    get("into_folder_no_name", folders("d"), url="SERVER/words/"),
    get("into_folder_attachment", folders("d"), url="SERVER/attachment"),
    get("into_folder_redirected", folders("d"), url="SERVER/redirect?code=302&to=/file/a.txt"),
    get("no_folder_refused", dest="ROOT/no/d", phases=("check", "run")),
    get("over_link", also(OLD, link("l", "d")), dest="ROOT/l"),
    get("checksum", phases=ALL, checksum=f"sha256:{SHA256}"),
    get("checksum_there", NEWER, phases=ALL, checksum=f"sha256:{SHA256}"),
    get("checksum_there_mode", SAME, phases=ALL, checksum=f"sha256:{SHA256}", mode="0600"),
    get("checksum_upper", checksum=f"sha256:{SHA256.upper()} "),
    get("checksum_wrong_refused", OLD, checksum="sha256:" + "0" * 64),
    get("checksum_md5", checksum="md5:" + hashlib.md5(TEXT).hexdigest()),
    get("checksum_form_refused", checksum="12345"),
    get("checksum_letters_refused", checksum="sha256:xyz"),
    get("checksum_algorithm_refused", NEWER, checksum="sha257:" + "0" * 64),
    get("sums_gnu", phases=ALL, checksum=sums(f"{'1' * 64}  other\n{SHA256}  halo.txt\n")),
    get("sums_star", checksum=sums(f"{SHA256} *halo.txt\n{'1' * 64} *b\n")),
    get("sums_dot", checksum=sums(f"{SHA256}  ./halo.txt\n{'1' * 64}  ./b\n")),
    get("sums_bsd", checksum=sums(f"SHA256 (halo.txt) = {SHA256}\nSHA256 (b) = {'1' * 64}\n")),
    get("sums_bare", checksum=sums(SHA256)),
    get("sums_none_refused", checksum=sums(f"{SHA256}  others.txt\n{SHA256}  more.txt\n")),
    get("sums_missing", checksum="sha256:SERVER/missing"),
    get("missing", url="SERVER/missing", phases=("check", "run")),
    get("status_500", OLD, url="SERVER/status/500"),
    get("redirects", url="SERVER/redirect?code=301&to=/redirect%3Fcode%3D307%26to%3D/file"),
    get("redirect_308", url="SERVER/redirect?code=308&to=/file"),
    get("loop", url="SERVER/loop"),
    get("to_a_file", url="SERVER/redirect?code=302&to=file:///etc/hostname"),
    get("closed", url="SERVER/closed"),
    get("slow", url="SERVER/slow", timeout=1),
    get("short_refused", OLD, url="SERVER/short"),
    get("no_server", url="http://127.0.0.1:1/x"),
    get("no_url_refused", url="halo"),
    get("strange_scheme", url="gopher://127.0.0.1/x"),
    get("gzip", url="SERVER/gzip"),
    get("gzip_kept", url="SERVER/gzip", decompress=False),
    get("auth", url="SERVER/auth", url_username=USER, url_password=PASSWORD),
    get("auth_forced", url="SERVER/auth", username=USER, password=PASSWORD, force_basic_auth=True),
    get("auth_in_url", url=f"http://{USER}:{PASSWORD}@HOST/auth"),
    get("auth_wrong", url="SERVER/auth", username=USER, password="x"),
    get("auth_none", url="SERVER/auth"),
    get("headers", url="SERVER/echo", headers={"X-Word": "yes", "n": 1}, http_agent="me"),
    get("headers_text", url="SERVER/echo", headers="X-Word=yes"),
    get("tmp_dest", folders("t"), phases=ALL, tmp_dest="ROOT/t"),
    get("tmp_dest_refused", tmp_dest="ROOT/no"),
    get("tmp_dest_file_refused", having(t=""), tmp_dest="ROOT/t"),
    get("file", having(s="here\n"), url="file://ROOT/s", phases=ALL),
    get("file_missing", url="file://ROOT/s"),
    get("certificate", url="TLS/file"),
    get("certificate_not_looked_at", url="TLS/file", validate_certs=False),
]


@pytest.fixture(scope="module")
def web():
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    with serve_tls(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture(scope="module")
def placed(web, tls):
    """Cases with the addresses of the servers in them."""

    def place(case: Case) -> Case:
        text = json.dumps(case.args)
        for word, value in (("SERVER", web.url), ("HOST", web.url[7:]), ("TLS", tls_url(tls))):
            text = text.replace(word, value)
        return replace(case, args=json.loads(text))

    return place


def tls_url(server: Any) -> str:
    return server.url.replace("http:", "https:")


@pytest.fixture(scope="module")
def theirs(placed, top):
    return run_modules([placed(case) for case in CASES], top / "real")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_ansible(case, placed, theirs, top):
    ours = run_ours(placed(case), top / "ours", run_task)
    assert PASSWORD not in json.dumps(ours.results)
    assert_same(ours, theirs[case.name])


def fetch(folder: Path, url: str, *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
    args = {"url": url, "dest": f"{folder}/d", **args}
    return run_task("get_url", args, folder, check_mode=check_mode)


def test_a_name_from_the_server_stays_in_the_folder(web, tmp_path):
    (tmp_path / "in" / "d").mkdir(parents=True)
    for path, name in (("attachment", "evil.txt"), ("dots", "dots"), ("file/..", "index.html")):
        answer = fetch(tmp_path / "in", f"{web.url}/{path}")
        assert answer["dest"] == f"{tmp_path}/in/d/{name}"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_is_cut_short_leaves_the_old_file_and_nothing_else(web, tmp_path):
    (tmp_path / "d").write_text("old")
    for path in ("short", "half-gzip", "closed"):
        assert fetch(tmp_path, f"{web.url}/{path}")["failed"]
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    assert (tmp_path / "d").read_text() == "old"


def test_a_wrong_checksum_makes_no_backup(web, tmp_path):
    (tmp_path / "d").write_text("old")
    wrong = "sha1:" + "0" * 40
    assert fetch(tmp_path, f"{web.url}/file", backup=True, checksum=wrong)["failed"]
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


@pytest.mark.parametrize("module", ["get_url", "uri"])
def test_nobody_may_read_it_before_it_has_its_mode(module, web, tmp_path):
    args = {"url": f"{web.url}/file", "dest": f"{tmp_path}/d", "mode": "0600"}
    # The owner comes before the mode, and there is no such one.
    assert run_task(module, {**args, "owner": "nihil"}, tmp_path)["failed"]
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o600


def test_a_huge_file_is_never_in_memory(web, tmp_path):
    digest = hashlib.sha256()
    for _ in range(HUGE_BYTES >> 20):
        digest.update(bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = fetch(tmp_path, f"{web.url}/huge", checksum=f"sha256:{digest.hexdigest()}")
    assert answer["size"] == HUGE_BYTES
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < HUGE_BYTES / 4


def test_check_mode_asks_for_no_content(web, tmp_path):
    assert fetch(tmp_path, f"{web.url}/file", check_mode=True)["changed"]
    assert web.seen[-1][0] == "HEAD"
    assert not list(tmp_path.iterdir())


def test_what_is_here_is_only_fetched_if_it_is_newer_there(web, tmp_path):
    (tmp_path / "d").write_text("mine")
    os.utime(tmp_path / "d", (MODIFIED, MODIFIED))
    assert fetch(tmp_path, f"{web.url}/file")["status_code"] == 304
    assert web.last_headers()["if-modified-since"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert fetch(tmp_path, f"{web.url}/file", force=True)["changed"]
    assert web.last_headers()["cache-control"] == "no-cache"
    assert "if-modified-since" not in web.last_headers()
