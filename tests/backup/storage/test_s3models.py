"""The loader of botocore's models: the same services, found without looking into each."""

import botocore.session
import pytest
from botocore.exceptions import DataNotFoundError
from botocore.loaders import create_loader

from lpse_ops.backup.storage.s3models import make_model_loader


def test_it_knows_the_services_that_botocores_own_knows() -> None:
    ours = set(make_model_loader(None).list_available_services("service-2"))
    assert ours >= set(create_loader(None).list_available_services("service-2"))


def test_a_model_is_the_same() -> None:
    theirs = botocore.session.get_session().get_service_model("s3")
    ours = make_model_loader(None).load_service_model("s3", "service-2")
    assert ours["metadata"] == theirs.metadata


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration", "none"])
def test_what_else_is_loaded_is_the_same(name: str) -> None:
    theirs, ours = create_loader(None), make_model_loader(None)
    if name == "none":
        with pytest.raises(DataNotFoundError):
            ours.load_data(name)
    else:
        assert ours.load_data(name) == theirs.load_data(name)
    rules = ours.load_service_model("s3", "endpoint-rule-set-1")
    assert rules == theirs.load_service_model("s3", "endpoint-rule-set-1")


def test_models_of_the_site_are_looked_for_where_it_says(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MODELS", str(tmp_path))
    (tmp_path / "own-service").mkdir()
    loader = make_model_loader(f"$MODELS:{tmp_path / 'none'}")
    assert "own-service" in loader.list_available_services("service-2")
