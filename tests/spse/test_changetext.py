import json
from dataclasses import fields, replace

import pytest

from lpse_ops.ledgerfile import MAX_LINE_BYTES
from lpse_ops.masking import MASK, Masker
from lpse_ops.spse.change import Package, Step
from lpse_ops.spse.changefacts import to_facts
from lpse_ops.spse.changetext import (
    LONGEST_OUTPUT,
    LONGEST_TEXT,
    MOST_STEPS,
    keep,
    keep_closing,
    keep_output,
    keep_request,
    keep_run,
)
from tests.spse.samples import CLOSING, REQUEST, RUN

SECRET = "rahasia-epns"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("db=postgres://epns:s3cret@localhost/epns_prod", f"db=postgres://epns:{MASK}@localhost/epns_prod"),
        ("postgres://epns:s3@cr:et@db:5432/x ok", f"postgres://epns:{MASK}@db:5432/x ok"),
        ("db.pass=s3cret next", f"db.pass={MASK} next"),
        ('{"password": "two words", "user": "epns"}', f'{{"password": {MASK}, "user": "epns"}}'),
        ("PGPASSWORD='a b' psql", f"PGPASSWORD={MASK} psql"),
        ("kata sandi: hujan", f"kata sandi: {MASK}"),
        ("application.secret = x9", f"application.secret = {MASK}"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {MASK}"),
        ("sent bearer abc.def", f"sent bearer {MASK}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nok", f"{MASK} ok"),
        ("-----BEGIN PRIVATE KEY-----\nabc", MASK),
        ("passed 12 tests; compass 3", "passed 12 tests; compass 3"),
        ("https://example.id/a@b", "https://example.id/a@b"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked(text, kept):
    assert keep(text) == kept


def test_secrets_that_are_known_are_masked_in_every_text():
    mask = Masker(lambda: frozenset({SECRET}))

    def spoiled(value):
        """The value with the secret in all its texts."""
        if isinstance(value, str):
            return f"{SECRET} x"
        if isinstance(value, tuple):
            return tuple(map(spoiled, value))
        if isinstance(value, Package | Step):
            names = [field.name for field in fields(value) if field.name != "status"]
            kept = {name: spoiled(getattr(value, name)) for name in names}
            return replace(value, **kept)
        return value

    literal = {"kind", "category", "approval", "result", "ending"}
    for value, keep_all in (
        (REQUEST, keep_request),
        (RUN, keep_run),
        (CLOSING, keep_closing),
    ):
        names = [field.name for field in fields(value) if field.name not in literal]
        event = replace(value, **{name: spoiled(getattr(value, name)) for name in names})
        kept = json.dumps(to_facts("2026-0001", keep_all(event, mask)))
        assert SECRET not in kept
        assert MASK in kept


def test_a_text_is_one_visible_line():
    assert keep("a\x00b\x1b[31m\r\nc\td\u202e") == "a\ufffdb\ufffd[31m c d\ufffd"
    assert keep("x" * 10_000).startswith("x" * 100)
    assert len(keep("x" * 10_000)) == LONGEST_TEXT


def test_of_an_output_both_ends_are_kept_and_its_lines():
    lines = "\n".join(f"line {number}" for number in range(5000))
    kept = keep_output(lines)
    assert len(kept) == LONGEST_OUTPUT
    assert kept.startswith("line 0\nline 1\n")
    assert " [...] " in kept
    assert kept.endswith("line 4998\nline 4999")
    assert keep_output("a\r\n\n  b  \n") == "a\n  b"


def test_a_run_of_any_size_fits_into_a_line_of_the_ledger():
    worst = '\N{PILE OF POO}\\"' * 5000
    step = Step(worst, "failed", RUN.started, RUN.ended, 1, worst)
    names = ("server", "reason", "account", "backup_snapshot", "accepted_risk", "problem")
    run = replace(
        RUN,
        **dict.fromkeys(names, worst),
        steps=(step,) * 500,
        plan=(worst,) * 500,
        tests=(worst,) * 500,
        performed_by=(worst,) * 500,
        package=Package(worst, worst, worst),
    )
    kept = keep_run(run)
    assert len(kept.steps) == MOST_STEPS
    facts = json.dumps(to_facts("2026-0001", kept), ensure_ascii=False)
    assert len(facts.encode()) < MAX_LINE_BYTES - 1000


def test_hostile_output_takes_no_time():
    for text in ("://a:" * 200_000, 'pass="' * 200_000, "-----BEGIN PRIVATE KEY-----" * 40_000):
        assert len(keep_output(text)) <= LONGEST_OUTPUT


def test_a_run_without_a_package_has_none():
    assert keep_run(replace(RUN, package=None)).package is None
