"""The ``uri`` module beside ansible-core's, both with a real server."""

import email
import email.policy
import json
import os
from dataclasses import replace
from typing import Any

import pytest

from lpse_ops.agent.modules.uri import mask_keys
from tests.agent.modules.trees import Make, also, folders, having
from tests.agent.sidebyside import Case, assert_same, run_modules, run_ours
from tests.agent.thishost import run_task
from tests.agent.webserver import MODIFIED, PASSWORD, USER, serve, serve_tls, serve_unix

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("uri-module")

RUN = ("run",)
TWICE = ("run", "again")
NOTHING = having()
# Not the same twice.
APART = frozenset({"elapsed", "date"})


def ask(name: str, path: str, make: Make = NOTHING, phases: Any = RUN, **args: Any) -> Case:
    url = path if ":" in path.partition("?")[0] else f"SERVER/{path}"
    apart = APART | {"msg"} if name.endswith("_refused") else APART
    return Case(name, "uri", {"url": url, **args}, make, phases, apart)


def echo(name: str, **args: Any) -> Case:
    return ask(name, "echo", return_content=True, method=args.pop("method", "POST"), **args)


DICT = {"a": 1, "b": [1, "two"], "c": None, "d": True, "é": "ü &="}
PAIRS = [["a", "1"], ["a", "2"], ["b", None]]
JSON = "json"
FORM = "form-urlencoded"
CASES = [
    ask("plain", "file"),
    ask("content", "file", return_content=True),
    ask("latin", "words", return_content=True),
    ask("head", "file", method="HEAD"),
    ask("lower_case", "echo", method="report"),
    ask("bad_method", "echo", method="GET IT"),
    ask("json", "echo"),
    ask("json_broken", "broken", return_content=True),
    ask("json_problem", "problem"),
    ask("json_problem_wanted", "problem", status_code=[200, 409]),
    ask("missing", "missing", return_content=True),
    ask("missing_wanted", "missing", status_code=404),
    ask("status_text", "status/201", status_code="200,201"),
    ask("status_none", "status/204", status_code=[204], method="DELETE"),
    ask("status_500", "status/500"),
    ask("status_wrong", "status/200", status_code=[201]),
    ask("cookies", "cookies"),
    ask("redirect", "redirect?code=302&to=/file"),
    ask("redirect_post_safe", "redirect?code=302&to=/echo", method="POST", body="x"),
    ask("redirect_post_all", "redirect?code=302&to=/echo", method="POST", follow_redirects="all"),
    ask(
        "redirect_307", "redirect?code=307&to=/echo", method="PUT", body="x", follow_redirects="all"
    ),
    ask("redirect_no", "redirect?code=301&to=/file", follow_redirects="none"),
    ask("redirect_wanted", "redirect?code=301&to=/f", follow_redirects="none", status_code=[301]),
    ask("redirect_urllib", "redirect?code=301&to=/file", follow_redirects="urllib2"),
    ask("loop", "loop"),
    ask("closed", "closed"),
    ask("short_refused", "short", return_content=True),
    ask("slow", "slow", timeout=1),
    ask("no_server", "http://127.0.0.1:1/"),
    ask("no_url", "x:y"),
    ask("gzip", "gzip", return_content=True),
    ask("auth", "auth", user=USER, password=PASSWORD),
    ask("auth_forced", "auth", url_username=USER, url_password=PASSWORD, force_basic_auth=True),
    ask("auth_in_url", f"http://{USER}:{PASSWORD}@HOST/auth"),
    ask("auth_wrong", "auth", user=USER, password="not-it"),
    ask("certificate", "TLS/file"),
    ask("certificate_not_looked_at", "TLS/file", validate_certs=False),
    echo("body", body="words"),
    echo("body_bytes", body="é"),
    echo("body_get", body="words", method="GET"),
    echo("body_json", body=DICT, body_format=JSON),
    echo("body_json_text", body='{"a":1}', body_format=JSON),
    echo("body_json_list", body=[1, 2], body_format=JSON),
    echo("body_json_none", body_format=JSON),
    echo(
        "body_json_type", body={}, body_format=JSON, headers={"content-type": "application/x+json"}
    ),
    echo("body_form", body=DICT, body_format=FORM),
    echo("body_form_pairs", body=PAIRS, body_format=FORM),
    echo("body_form_text", body="a=1&b=2", body_format=FORM),
    echo("body_form_bad_refused", body=[["a", "b", "c"]], body_format=FORM),
    echo("body_form_none", body_format=FORM),
    echo("headers", headers={"X-Word": "é" * 3, "n": 1}),
    echo("source", src="ROOT/s", remote_src=True, make=having(s="text\n")),
    echo("source_missing", src="ROOT/no", remote_src=True),
    echo("source_and_body", src="ROOT/no", body="x"),
    echo("parts_text", body="text", body_format="form-multipart"),
    echo("parts_number", body={"a": 1}, body_format="form-multipart"),
    echo("parts_empty", body={"a": {"mime_type": "x/y"}}, body_format="form-multipart"),
    ask("dest", "file", phases=TWICE, dest="ROOT/d", mode="0600"),
    ask("dest_changed", "words", having(d="old"), phases=TWICE, dest="ROOT/d"),
    ask("dest_folder", "file/a.txt", folders("d"), dest="ROOT/d"),
    ask("dest_folder_no_name", "words", folders("d"), dest="ROOT/d"),
    ask("dest_folder_attachment", "attachment", folders("d"), dest="ROOT/d"),
    ask("dest_json", "echo", dest="ROOT/d"),
    ask("dest_content", "file", dest="ROOT/d", return_content=True),
    ask("dest_error", "missing", dest="ROOT/d"),
    ask("creates", "file", having(d=""), creates="ROOT/d"),
    ask("creates_not_yet", "file", creates="ROOT/d"),
    ask("removes", "file", removes="ROOT/d"),
    ask("removes_there", "file", having(d=""), removes="ROOT/d"),
    ask("socket", "http://localhost/file", unix_socket="SOCKET"),
    ask("socket_missing", "http://localhost/file", unix_socket="ROOT/no"),
    ask("strange_body_format", "file", body_format="xml"),
]


@pytest.fixture(scope="module")
def web():
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def placed(web, tmp_path_factory):
    """Cases with the addresses of the servers in them."""
    folder = tmp_path_factory.mktemp("uri")
    with serve_tls(folder) as tls, serve_unix(folder / "socket"):
        places = {
            "SERVER": web.url,
            "HOST": web.url[7:],
            "TLS": tls.url.replace("http:", "https:"),
            "SOCKET": str(folder / "socket"),
        }

        def place(case: Case) -> Case:
            text = json.dumps(case.args).replace("SERVER/TLS", "TLS")
            for word, value in places.items():
                text = text.replace(word, value)
            return replace(case, args=json.loads(text))

        yield place


@pytest.fixture(scope="module")
def theirs(placed, top):
    return run_modules([placed(case) for case in CASES], top / "real")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_ansible(case, placed, theirs, top):
    ours = run_ours(placed(case), top / "ours", run_task)
    assert PASSWORD not in json.dumps(ours.results)
    assert_same(ours, theirs[case.name])


FIELDS = {
    "text": "two\nlines",
    "é": "ü",
    "file": {"filename": "ROOT/a file.txt"},
    "raw": {"filename": "ROOT/raw.bin", "multipart_encoding": "7or8bit", "mime_type": "a/b"},
    "lines": {"filename": "ROOT/a file.txt", "multipart_encoding": "7or8bit"},
    "given": {"content": "some\n", "filename": 'na"me.txt', "mime_type": "text/css"},
    "unnamed": {"content": "words"},
}


def test_a_form_with_files_reaches_the_server_as_with_ansible(web, top):
    make = also(
        having(**{"a file.txt": "file\n"}), lambda root: (root / "raw.bin").write_bytes(b"\0\xff")
    )
    args = {"url": f"{web.url}/echo", "method": "POST", "body_format": "form-multipart"}
    args.update(body=FIELDS, return_content=True)
    case = Case("form", "uri", args, make)
    theirs = run_modules([case], top / "form-real")["form"]
    ours = run_ours(case, top / "form-ours", run_task)
    assert parts_of(ours) == parts_of(theirs)
    assert len(parts_of(ours)) == len(FIELDS)


def parts_of(done: Any) -> Any:
    said = done.results["run"]["json"]
    text = f"Content-Type: {said['type']}\r\n\r\n{said['content']}"
    message = email.message_from_bytes(
        text.encode("utf-8", "surrogateescape"), policy=email.policy.HTTP
    )
    return [(sorted(part.items()), part.get_payload(decode=True)) for part in message.iter_parts()]


@pytest.mark.parametrize("field", ["a\r\nb", "a\nb"])
def test_no_field_brings_a_header_along(web, tmp_path, field):
    args = {"url": f"{web.url}/echo", "body_format": "form-multipart", "method": "POST"}
    answer = run_task("uri", {**args, "body": {field: "x"}}, tmp_path)
    assert "more than one line" in answer["msg"]


def test_what_is_here_is_only_written_if_it_is_newer_there(web, tmp_path):
    (tmp_path / "d").write_text("mine")
    os.utime(tmp_path / "d", (MODIFIED, MODIFIED))
    args = {"url": f"{web.url}/file", "dest": f"{tmp_path}/d", "status_code": [200, 304]}
    answer = run_task("uri", args, tmp_path)
    assert (answer["status"], answer["changed"]) == (304, False)
    assert run_task("uri", {**args, "force": True}, tmp_path)["changed"]


def test_what_is_cut_short_leaves_the_old_file_and_nothing_else(web, tmp_path):
    (tmp_path / "d").write_text("old")
    args = {"url": f"{web.url}/short", "dest": f"{tmp_path}/d"}
    assert run_task("uri", args, tmp_path)["failed"]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"d": "old"}


def test_the_body_of_a_mapping_wants_a_format(web, tmp_path):
    answer = run_task("uri", {"url": f"{web.url}/echo", "body": {"a": 1}}, tmp_path)
    assert "body_format: json" in answer["msg"]


def test_where_there_is_no_folder_nothing_is_written(web, tmp_path):
    answer = run_task("uri", {"url": f"{web.url}/file", "dest": f"{tmp_path}/no/d"}, tmp_path)
    assert answer["msg"].startswith(f"Could not replace file: {tmp_path}/no/d")


def test_a_password_that_comes_back_as_a_name_is_masked():
    answer = {"a": [{"has secret in": 1}], "b": "x"}
    assert mask_keys(answer, "secret") == {"a": [{"has ******** in": 1}], "b": "x"}
    assert mask_keys(answer, None) == answer
