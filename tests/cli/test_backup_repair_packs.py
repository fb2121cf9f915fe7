"""``backup repair packs`` as a user meets it, alone and with a second copy at hand."""

import shutil
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.storage.backend import FileKind
from tests.backup.cheap_repository import PASSWORD
from tests.backup.damage import copy_tree, flip, names, pack_name, packs_of, restic_passes
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops
from tests.restic_binaries import Restic


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def repair(repo: Path, password: Path, state: Path, *args: str | Path) -> Ended:
    return lpse_ops(
        *("backup", "repair", "packs", "-r", repo, "-p", password, *args),
        env={"LPSE_OPS_STATE": str(state)},
    )


def damage_data(repo: Path) -> bytes:
    """Flip a bit in the first blob of a pack; return the pack's id."""
    repository = open_cheap(repo)
    pack_id = packs_of(repository, BlobType.DATA)[0]
    flip(repository.backend, pack_name(pack_id), 50)
    return pack_id


def test_which_packs_must_be_said(repo: Path, password: Path, state: Path):
    for args in ((), ("ab", "--all-damaged")):
        ended = repair(repo, password, state, *args)
        assert ended.code == 2
        assert "--all-damaged" in ended.stderr


def test_nothing_damaged(repo: Path, docs: Path, password: Path, state: Path):
    store(repo, docs)
    ended = repair(repo, password, state, "--all-damaged")
    assert (ended.code, ended.stdout) == (0, "nothing had to be repaired\n")
    assert not state.exists()


def test_what_opens_is_saved_and_the_damaged_pack_kept(
    repo: Path, docs: Path, password: Path, state: Path
):
    store(repo, docs)
    pack_id = damage_data(repo)
    broken = open_cheap(repo).backend.load(pack_name(pack_id))
    ended = repair(repo, password, state, "--all-damaged", "--format", "json")
    assert ended.code == 1
    (pack,) = ended.json()["packs"]
    assert (pack["id"], len(pack["lost"])) == (pack_id.hex(), 1)
    assert pack["salvaged"] >= 1
    assert Path(pack["copy"]).read_bytes() == broken
    assert Path(pack["copy"]).is_relative_to(state)
    assert "is damaged" in ended.stderr


def test_packs_can_be_named_and_the_place_of_the_copies_too(
    repo: Path, docs: Path, password: Path, state: Path, tmp_path: Path
):
    store(repo, docs)
    pack_id = damage_data(repo).hex()
    kept = tmp_path / "kept"
    ended = repair(repo, password, state, pack_id[:12], "--keep-damaged", kept)
    assert f"pack {pack_id[:10]}: " in ended.stdout
    assert "next: lpse-ops backup repair snapshots" in ended.stdout
    assert [path.name for path in kept.iterdir()] == [f"pack-{pack_id}"]


def test_the_whole_way_back_with_one_copy_alone(
    repo: Path, docs: Path, password: Path, state: Path, restic: Restic
):
    store(repo, docs)
    damage_data(repo)
    repair(repo, password, state, "--all-damaged")
    assert not restic_passes(restic, repo, PASSWORD)
    ended = lpse_ops("backup", "repair", "snapshots", "--forget", "-r", repo, "-p", password)
    assert ended.code == 0
    assert restic_passes(restic, repo, PASSWORD)


# -- with a second copy --------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["config", "keys", "index", "snapshots", "data"])
@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_with_a_second_copy_everything_comes_back(
    repo: Path, docs: Path, password: Path, state: Path, tmp_path: Path, what: str, how: str
):
    store(repo, docs)
    clone = copy_tree(repo, tmp_path / "clone")
    for path in [repo / what] if what == "config" else files(repo / what):
        path.chmod(0o600)
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-5])
    ended = repair(repo, password, state, "--all-damaged", "--from", clone)
    assert ended.code == 0, ended.stderr
    assert "fetched " in ended.stdout
    assert contents(repo) == contents(clone)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in files(root)
        if path.parent.name != "locks"
    }


def test_what_the_second_copy_lacks_is_salvaged(
    repo: Path, docs: Path, password: Path, state: Path, tmp_path: Path
):
    store(repo, docs)
    clone = copy_tree(repo, tmp_path / "clone")
    damage_data(repo)
    pack_id = damage_data(clone)
    trees = pack_name(packs_of(open_cheap(repo), BlobType.TREE)[0])
    flip(open_cheap(repo).backend, trees, 50)
    ended = repair(repo, password, state, "--all-damaged", "--from", clone, "--format", "json")
    assert ended.code == 1
    report = ended.json()
    assert report["fetched"] == [trees]
    assert report["not_fetched"] == [pack_name(pack_id)]
    assert [each["id"] for each in report["packs"]] == [pack_id.hex()]
    assert "damaged in the second copy, too" in ended.stderr


def test_another_repository_or_an_empty_folder_is_refused(
    repo: Path, docs: Path, password: Path, state: Path, tmp_path: Path
):
    store(repo, docs)
    (tmp_path / "mount").mkdir()
    ended = repair(tmp_path / "mount", password, state, "--all-damaged", "--from", repo)
    assert ended.code == 1
    assert "no file in common" in ended.stderr
    assert list((tmp_path / "mount").iterdir()) == []


def test_a_copy_of_another_repository_than_the_settings_name_is_refused(
    repo: Path, docs: Path, password: Path, state: Path, tmp_path: Path
):
    store(repo, docs)
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: LPSE, slug: lpse, time_zone: Asia/Jakarta}\n"
        f"backup:\n  paths: [{docs}]\n  password_file: {password}\n  destinations:\n"
        f"    - {{name: a, location: {repo}, repository_id: {'ab' * 32}}}\n"
    )
    clone = copy_tree(repo, tmp_path / "clone")
    ended = lpse_ops(
        *("backup", "repair", "packs", "--all-damaged", "--from", clone, "--settings", settings),
        env={"LPSE_OPS_STATE": str(state)},
    )
    assert ended.code == 1
    assert "the settings say" in ended.stderr


def test_nobody_else_may_be_at_work(repo: Path, docs: Path, password: Path, state: Path):
    store(repo, docs)
    with hold_lock(open_cheap(repo)):
        assert repair(repo, password, state, "--all-damaged").code == 11
        clone = copy_tree(repo, state.parent / "clone")
        assert repair(repo, password, state, "--from", clone).code == 11
    shutil.rmtree(clone)
    assert names(open_cheap(repo).backend, FileKind.LOCK) == []
