"""The ``deb822_repository`` module: the texts are what ansible-core's writes for the same tasks.

It needs python-debian, so it is not run here; test_aptsources.py lets apt read the files.
"""

from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.arguments import check
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.modules.deb822_repository import ARGUMENTS, Places, ensure, slug_of

KEY = Path(__file__).parent / "onhosts/lab-key.asc"

SMALL = {"name": "lab repo", "uris": "http://x/", "suites": "./"}
BLOCK = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"
ALL = {
    "name": "Lab Repo",
    "types": ["deb", "deb-src"],
    "uris": ["https://example.org/a", "http://b.example.org"],
    "suites": ["stable"],
    "components": ["main", "contrib"],
    "architectures": ["amd64"],
    "signed_by": BLOCK,
    "enabled": True,
    "pdiffs": False,
    "by_hash": True,
    "date_max_future": 12,
    "check_valid_until": False,
    "check_date": True,
    "allow_downgrade_to_insecure": False,
    "allow_insecure": False,
    "allow_weak": False,
    "languages": ["en", "id"],
    "targets": ["Packages"],
    "trusted": True,
    "inrelease_path": "x/y",
}
ALL_TEXT = """Allow-Downgrade-To-Insecure: no
Allow-Insecure: no
Allow-Weak: no
Architectures: amd64
By-Hash: yes
Check-Date: yes
Check-Valid-Until: no
Components: main contrib
Date-Max-Future: 12
Enabled: yes
Inrelease-Path: x/y
Languages: en id
X-Repolib-Name: Lab Repo
Pdiffs: no
Signed-By:
    -----BEGIN PGP PUBLIC KEY BLOCK-----
    .
    mDME
    -----END PGP PUBLIC KEY BLOCK-----
Suites: stable
Targets: Packages
Trusted: yes
Types: deb deb-src
URIs: https://example.org/a http://b.example.org
"""


def deb822(
    folder: Path, args: dict[str, Any], *, check_mode: bool = False, diff_mode: bool = False
) -> dict[str, Any]:
    (folder / "sources").mkdir(exist_ok=True)
    places = Places(str(folder / "sources"), str(folder / "keyrings"))
    context = Context(check_mode=check_mode, diff_mode=diff_mode)
    return ensure(check(ARGUMENTS, None, args), context, places)


def test_every_field(tmp_path):
    path = tmp_path / "sources/lab-repo.sources"
    planned = deb822(tmp_path, ALL, check_mode=True, diff_mode=True)
    assert (planned["changed"], planned["repo"]) == (True, ALL_TEXT)
    assert planned["diff"]["after"] == ALL_TEXT
    assert not path.exists()
    result = deb822(tmp_path, ALL)
    assert path.read_text() == ALL_TEXT
    assert (result["changed"], result["dest"], result["mode"]) == (True, str(path), "0644")
    assert result["key_filename"] is None
    assert not deb822(tmp_path, ALL)["changed"]
    assert deb822(tmp_path, {**ALL, "mode": "0600"})["mode"] == "0600"


def test_a_key_of_the_web_has_a_file(tmp_path):
    args = {**SMALL, "signed_by": KEY.as_uri()}
    path = tmp_path / "keyrings/lab-repo.asc"
    assert deb822(tmp_path, args, check_mode=True)["changed"]
    assert not path.exists()
    result = deb822(tmp_path, args)
    assert result["key_filename"] == str(path)
    assert result["repo"] == (
        f"X-Repolib-Name: lab repo\nSigned-By: {path}\nSuites: ./\nTypes: deb\nURIs: http://x/\n"
    )
    assert path.read_bytes() == KEY.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o644
    assert not deb822(tmp_path, args)["changed"]
    path.write_text("another")
    assert deb822(tmp_path, args)["changed"]


@pytest.mark.parametrize("signed_by", ["/etc/x.gpg", "6AC96EBE20DCE51E27280F551BF55AF097739675"])
def test_a_path_and_a_fingerprint_stay(signed_by, tmp_path):
    result = deb822(tmp_path, {**SMALL, "signed_by": signed_by})
    assert f"Signed-By: {signed_by}\n" in result["repo"]
    assert result["key_filename"] is None


def test_absent_takes_the_key_along(tmp_path):
    args = {**SMALL, "signed_by": KEY.as_uri()}
    deb822(tmp_path, args)
    gone = {"name": "lab repo", "state": "absent"}
    assert deb822(tmp_path, gone, check_mode=True)["changed"]
    assert len(list(tmp_path.rglob("lab-repo*"))) == 2
    result = deb822(tmp_path, gone)
    assert (result["changed"], result["repo"]) == (True, None)
    assert list(tmp_path.rglob("lab-repo*")) == []
    assert not deb822(tmp_path, gone)["changed"]


def test_what_is_no_key_is_not_written(tmp_path):
    (tmp_path / "page").write_text("<html>not found</html>")
    for url in ((tmp_path / "page").as_uri(), "file:///nihil"):
        with pytest.raises(Failed, match="Could not fetch signed_by key"):
            deb822(tmp_path, {**SMALL, "signed_by": url})
    assert not (tmp_path / "keyrings").exists()


def test_a_value_cannot_be_another_field(tmp_path):
    result = deb822(tmp_path, {**SMALL, "components": "main\nTrusted: yes"})
    assert "\nTrusted" not in result["repo"]


@pytest.mark.parametrize(
    ("name", "slug"), [("Lab  Repo_x", "lab-repo-x"), ("a/../b!", "ab"), ("docker", "docker")]
)
def test_the_name_of_the_file(name, slug):
    assert slug_of(name) == slug


def test_a_name_of_nothing_is_refused(tmp_path):
    with pytest.raises(Failed, match="a letter or a digit"):
        deb822(tmp_path, {**SMALL, "name": "!!"})
