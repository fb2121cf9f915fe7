"""The controller's part of ``uri``: files of the controller, sent by the host."""

import email
import email.policy

import pytest

from lpse_ops.playbook.actions import uri
from lpse_ops.playbook.actions.context import ActionFailed, ActionSkipped
from tests.agent.webserver import TEXT, serve
from tests.playbook.actions.localaction import LocalAction


@pytest.fixture(scope="module")
def web():
    with serve() as server:
        yield server


@pytest.fixture
def here(tmp_path):
    (tmp_path / "files").mkdir()
    for name in ("one", "two"):
        (tmp_path / "files" / f"{name}.txt").write_text(f"{name}\n" * 3)
    return tmp_path


def post(web, folder, **args):
    action = LocalAction(folder)
    return uri.run({"url": f"{web.url}/echo", "method": "POST", **args}, action), action


def test_a_file_of_the_controller_is_the_body(web, here):
    result, action = post(web, here, src="one.txt")
    assert result["json"]["content"] == "one\n" * 3
    assert (action.requests, action.transferred) == (["uri"], 12)


def test_a_file_of_the_host_is_not_sent(web, here):
    result, action = post(web, here, src=f"{here}/files/two.txt", remote_src=True)
    assert result["json"]["content"] == "two\n" * 3
    assert action.transferred == 0


def test_all_files_of_a_form_go_along(web, here):
    body = {
        "b": {"filename": "two.txt", "mime_type": "a/b"},
        "a": {"filename": "files/one.txt"},
        "given": {"content": "words", "filename": "no-such-file"},
        "text": "plain",
    }
    result, action = post(web, here, body=body, body_format="form-multipart")
    assert (action.requests, action.transferred) == (["uri"], 24)
    said = result["json"]
    text = f"Content-Type: {said['type']}\r\n\r\n{said['content']}"
    parts = list(email.message_from_string(text, policy=email.policy.HTTP).iter_parts())
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in parts] == [
        ("one.txt", b"one\n" * 3),
        ("two.txt", b"two\n" * 3),
        ("no-such-file", b"words"),
        (None, b"plain"),
    ]


def test_without_files_nothing_goes_along(web, here):
    result, action = post(web, here, body={"a": "1"}, body_format="form-multipart")
    assert result["status"] == 200
    assert action.transferred == 0
    assert uri.run({"url": f"{web.url}/file", "return_content": True}, action)["content"] == (
        TEXT.decode()
    )


def test_check_mode_asks_nobody(web, here):
    seen = len(web.seen)
    action = LocalAction(here, check_mode=True)
    with pytest.raises(ActionSkipped, match="does not support check mode"):
        uri.run({"url": f"{web.url}/echo", "src": "one.txt"}, action)
    assert len(web.seen) == seen


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ({"src": "none.txt"}, "could not find none.txt"),
        ({"body": "x", "body_format": "form-multipart"}, "body must be mapping"),
        ({"body": "x", "src": "one.txt"}, "mutually exclusive"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_what_cannot_be_sent_is_a_failed_task(web, here, args, complaint):
    with pytest.raises(ActionFailed, match=complaint):
        post(web, here, **args)
