"""Requests of the web: where credentials go, what redirects lead to, what TLS accepts."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.httpopener import Route, follows, is_same_place, method_after
from lpse_ops.agent.httprequest import Asked, mask_url, open_answer
from tests.agent.webserver import PASSWORD, TEXT, USER, serve, serve_tls, serve_unix

# Both names of this machine: another place to whoever has credentials.
HEADERS = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Word": "kept", "Host": "example.id"}


@pytest.fixture(scope="module")
def web():
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    with serve_tls(folder) as server:
        yield server.url.replace("http:", "https:"), str(folder / "cert.pem")


def ask(url, route=None, **more):
    answer = open_answer(Asked(url, **more), route or Route())
    content = answer.body.read(1 << 20) if answer.body else answer.error_content
    return answer.status, content


def other_name(web):
    return web.url.replace("127.0.0.1", "localhost")


def test_credentials_stay_at_the_place_they_are_for(web):
    target = f"{web.url}/redirect?code=302&to={other_name(web)}/file"
    assert ask(target, headers=HEADERS) == (200, TEXT)
    before, after = (set(seen[2]) for seen in web.seen[-2:])
    assert {"authorization", "cookie", "x-word"} <= before
    assert "x-word" in after
    assert not {"authorization", "cookie"} & after
    assert web.last_headers()["host"] == other_name(web)[7:]


def test_credentials_go_along_at_the_same_place(web):
    assert ask(f"{web.url}/redirect?code=302&to=/file", headers=HEADERS)[0] == 200
    assert web.last_headers()["authorization"] == "Bearer x"


def test_headers_that_are_not_for_redirects(web):
    stays = ["x-word"]
    url = f"{web.url}/redirect?code=302&to=/file"
    assert ask(url, headers=HEADERS, unredirected_headers=stays)[0] == 200
    assert web.seen[-2][2]["x-word"] == "kept"
    assert "x-word" not in web.last_headers()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("http://a/x", "http://a/y", True),
        ("http://a/x", "http://a:80/y", True),
        ("http://a/x", "https://a/y", True),
        ("https://a/x", "http://a/y", False),
        ("http://a/x", "http://b/y", False),
        ("http://a:8080/x", "https://a/y", False),
        ("https://a/x", "https://a:8443/y", False),
        ("http://a/x", "http://A/y", True),
        ("http://a@b/x", "http://a/y", False),
    ],
)
def test_what_is_the_same_place(first, second, same):
    assert is_same_place(first, second) is same


@pytest.mark.parametrize(
    ("follow", "code", "method", "expected"),
    [
        ("safe", 302, "GET", "GET"),
        ("safe", 307, "HEAD", "HEAD"),
        ("safe", 302, "POST", None),
        ("all", 301, "POST", "GET"),
        ("all", 301, "PUT", "PUT"),
        ("all", 302, "PUT", "GET"),
        ("all", 303, "DELETE", "GET"),
        ("all", 303, "HEAD", "HEAD"),
        ("yes", 307, "POST", "POST"),
        ("all", 308, "PUT", "PUT"),
        ("none", 302, "GET", None),
        ("no", 302, "GET", None),
        ("urllib2", 302, "POST", "GET"),
        ("urllib2", 307, "POST", None),
        ("urllib2", 308, "GET", "GET"),
        ("urllib2", 301, "PUT", None),
    ],
)
def test_which_redirects_are_followed_and_how(follow, code, method, expected):
    followed = method_after(follow, code, method) if follows(follow, code, method) else None
    assert followed == expected


def test_a_body_is_sent_again_where_a_redirect_says_so(web, tmp_path):
    (tmp_path / "f").write_bytes(b"words")
    headers = {"Content-Length": "5"}
    with (tmp_path / "f").open("rb") as file:
        url = f"{web.url}/redirect?code=307&to=/echo"
        route = Route(follow_redirects="all")
        status, content = ask(url, route, method="POST", content=file, headers=headers)
    assert (status, b"words" in content) == (200, True)


def test_netrc_has_a_name_and_a_password(web, tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    assert ask(f"{web.url}/auth") == (200, TEXT)
    assert ask(f"{web.url}/auth", Route(use_netrc=False))[0] == 401
    # Where a redirect leads is another machine.
    ask(f"{web.url}/redirect?code=302&to={other_name(web)}/auth")
    assert "authorization" not in web.last_headers()
    file.write_text(f"machine 127.0.0.1 log {PASSWORD}\n")
    with pytest.raises(Failed) as failed:
        ask(f"{web.url}/auth")
    assert PASSWORD not in str(failed.value)
    assert "use_netrc: false" in str(failed.value)


def test_a_proxy_of_the_environment(web, monkeypatch):
    monkeypatch.setenv("http_proxy", web.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert ask("http://example.invalid/file") == (200, TEXT)
    assert web.seen[-1][1] == "http://example.invalid/file"
    assert ask("http://example.invalid/file", Route(use_proxy=False))[0] == -1


def test_tls(tls, tmp_path):
    url, certificate = tls
    assert ask(f"{url}/file")[0] == -1
    assert ask(f"{url}/file", Route(ca_path=certificate)) == (200, TEXT)
    assert ask(f"{url}/file", Route(validate_certs=False)) == (200, TEXT)
    key = certificate.replace("cert.pem", "key.pem")
    own = Route(ca_path=certificate, client_cert=certificate, client_key=key)
    assert ask(f"{url}/file", own) == (200, TEXT)
    assert ask(f"{url}/file", Route(client_cert=str(tmp_path / "no")))[0] == -1
    assert ask(f"{url}/file", Route(ciphers=["NO-SUCH"]))[0] == -1


def test_a_socket_of_the_file_system(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serve_unix(tmp_path / "s") as server:
        assert ask("http://localhost/file", Route(unix_socket=str(tmp_path / "s"))) == (200, TEXT)
    assert server.seen[-1][1] == "/file"
    route = Route(unix_socket=str(tmp_path / "none"))
    answer = open_answer(Asked("http://localhost/file"), route)
    assert "Invalid Socket File" in answer.info["msg"]


def test_no_message_has_the_password_of_a_url():
    url = f"gopher://{USER}:{PASSWORD}@example.id/x"
    answer = open_answer(Asked(url), Route())
    assert PASSWORD not in str(answer)
    with pytest.raises(Failed) as failed:
        open_answer(Asked(f"//{USER}:{PASSWORD}@example.id/x"), Route())
    assert PASSWORD not in str(failed.value.result)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a/b?c=d", "https://a/b?c=d"),
        ("https://u:p@a/b", "https://****:****@a/b"),
        ("https://u@a:1/b", "https://****@a:1/b"),
        ("https://u:p@q@a/b", "https://****:****@a/b"),
    ],
)
def test_urls_are_shown_without_names_and_passwords(url, shown):
    assert mask_url(url) == shown


def test_what_is_too_large_for_memory_says_what_to_do(web):
    answer = open_answer(Asked(f"{web.url}/huge"), Route())
    with pytest.raises(Failed, match="dest saves it to a file"):
        answer.body.read(1 << 20)
    answer.body.close()


@pytest.mark.parametrize("value", ["a\r\nX-Evil: yes", "a\nb"])
def test_no_header_brings_another_one_along(web, value):
    answer = open_answer(Asked(f"{web.url}/file", headers={"X-Word": value}), Route())
    assert answer.status == -1
    assert "Invalid header value" in answer.info["msg"]
