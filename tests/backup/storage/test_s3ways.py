import pytest

from lpse_ops.backup.storage.s3errors import Failure
from lpse_ops.backup.storage.s3ways import (
    FIRST_WAYS,
    Proof,
    PutWays,
    fall_back,
    headers,
    learn,
)

SHA256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
MD5 = "kAFQmDzST7DWlj99KOF/cg=="


def test_until_the_server_has_shown_what_it_compares_it_gets_both() -> None:
    assert headers(FIRST_WAYS, b"abc", SHA256) == {
        "IfNoneMatch": "*",
        "ChecksumSHA256": SHA256,
        "ContentMD5": MD5,
    }


@pytest.mark.parametrize(
    ("echoed", "proof"),
    [(SHA256, Proof.SHA256), (None, Proof.MD5), ("something else", Proof.MD5)],
)
def test_a_server_that_repeats_the_sha256_has_compared_it(echoed: object, proof: Proof) -> None:
    assert learn(FIRST_WAYS, echoed, SHA256) == PutWays(proof=proof)


@pytest.mark.parametrize("proof", [Proof.SHA256, Proof.MD5])
def test_what_is_known_is_not_learned_again(proof: Proof) -> None:
    assert learn(PutWays(proof=proof), None, SHA256) == PutWays(proof=proof)


@pytest.mark.parametrize(
    ("proof", "sent"),
    [(Proof.SHA256, {"ChecksumSHA256": SHA256}), (Proof.MD5, {"ContentMD5": MD5})],
)
def test_then_only_that_is_sent(proof: Proof, sent: dict[str, str]) -> None:
    assert headers(PutWays(is_conditional=False, proof=proof), b"abc", SHA256) == sent


def test_headers_that_a_server_does_not_know_are_left_out_one_after_the_other() -> None:
    refusal = Failure("NotImplemented", 501)
    second = fall_back(FIRST_WAYS, refusal)
    assert second == PutWays(is_conditional=True, proof=Proof.MD5)
    third = fall_back(second, refusal)
    assert third == PutWays(is_conditional=False, proof=Proof.MD5)
    assert fall_back(third, refusal) is None


@pytest.mark.parametrize(
    "failure",
    [Failure("AccessDenied", 403), Failure("SlowDown", 503), Failure("BadDigest", 400)],
)
def test_other_refusals_are_final(failure: Failure) -> None:
    assert fall_back(FIRST_WAYS, failure) is None


@pytest.mark.parametrize(
    "failure",
    [Failure("AccessDenied", 403), Failure("XAmzContentSHA256Mismatch", 400)],
)
def test_who_refuses_content_that_is_not_signed_gets_it_signed(failure: Failure) -> None:
    signed = fall_back(PutWays(proof=Proof.SHA256), failure)
    assert signed == PutWays(proof=Proof.MD5)
    assert fall_back(signed, failure) is None


def test_damage_on_the_way_is_no_reason_for_another_way() -> None:
    assert fall_back(PutWays(proof=Proof.SHA256), Failure("BadDigest", 400)) is None


def test_an_old_server_is_asked_for_the_object_before() -> None:
    assert not FIRST_WAYS.looks_first
    assert not PutWays(proof=Proof.SHA256).looks_first
    assert PutWays(proof=Proof.MD5).looks_first
    assert PutWays(is_conditional=False).looks_first
