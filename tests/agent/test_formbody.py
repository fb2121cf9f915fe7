"""Bodies of forms; what servers make of them is in ``modules/test_uri.py``."""

import io

import pytest

from lpse_ops.agent.formbody import FormProblem, encode_form, parse_parts, write_parts


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"a": 1, "b": "x y&z"}, "a=1&b=x+y%26z"),
        ({"a": ["1", 2, None]}, "a=1&a=2"),
        ([["a", "1"], ["a", "2"]], "a=1&a=2"),
        ({"é": True}, "%C3%A9=True"),
        ("a=b", "a=b"),
        (None, None),
    ],
)
def test_url_encoded(body, text):
    assert encode_form(body) == text


@pytest.mark.parametrize("body", [["a"], [["a"]], [["a", "b", "c"]], [1]])
def test_what_is_no_list_of_pairs(body):
    with pytest.raises(FormProblem, match="no pair"):
        encode_form(body)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("text", "Mapping is required"),
        ({"a": 1}, "cannot be type int"),
        ({"a": {}}, "at least one of filename or content"),
        ({"a": {"filename": "x", "multipart_encoding": "rot13"}}, "must be one of base64, 7or8bit"),
    ],
)
def test_what_is_no_form_in_parts(fields, complaint):
    with pytest.raises(FormProblem, match=complaint):
        parse_parts(fields)


def test_a_file_is_written_in_pieces_and_named_without_its_folder(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    file = io.BytesIO()
    kind = write_parts(parse_parts({"a": {"filename": str(path)}}), file)
    boundary = kind.partition('boundary="')[2].rstrip('"').encode()
    head, _, content = file.getvalue().partition(b"\r\n\r\n")
    assert b'filename="data.bin"' in head
    assert b"Content-Transfer-Encoding: base64" in head
    lines = content.split(b"\r\n")
    assert lines[-2] == b"--" + boundary + b"--"
    assert max(map(len, lines)) == 76


def test_quotes_in_a_name_do_not_end_it():
    file = io.BytesIO()
    write_parts(parse_parts({'a"; filename="evil': "x"}), file)
    assert b'name="a\\"; filename=\\"evil"' in file.getvalue()
