from pathlib import Path

import pytest

from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.cli.snapshot_manifest import load_small_file
from lpse_ops.errors import RepositoryError
from tests.backup.cheap_repository import init_cheaply
from tests.backup.storing import open_cheap, store


def test_a_file_that_is_larger_than_it_claims_is_not_loaded(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"0123456789")
    repository = open_cheap(init_cheaply(tmp_path / "repo"))
    tree = store(tmp_path / "repo", source).snapshot.tree
    index = repository.load_index()
    [node] = [each.node for each in walk_tree(repository, index, tree) if each.node.size]
    node = node._replace(size=1)
    assert load_small_file(repository, index, node, 10) == b"0123456789"
    with pytest.raises(RepositoryError, match="more than 0 MiB"):
        load_small_file(repository, index, node, 9)
