"""Findings as SARIF, read by models of the standard that somebody else wrote."""

import json

from sarif_pydantic import Level, Sarif

from lpse_ops.cli.findings_sarif import render_sarif
from tests.cli.test_findings import NONE, SOME


def test_a_report_is_read_as_it_was_meant():
    (run,) = Sarif.model_validate(json.loads(render_sarif(SOME))).runs
    assert run.results is not None
    assert len(run.results) == len(SOME.findings)
    for result, finding in zip(run.results, SOME.findings, strict=True):
        assert result.rule_id == finding.rule
        assert result.level == Level(finding.severity)
    (place,) = run.results[0].locations or []
    assert place.physical_location is not None
    assert place.physical_location.artifact_location is not None
    assert place.physical_location.artifact_location.uri == "inv/hosts.yml"
    region = place.physical_location.region
    assert region is not None
    assert (region.start_line, region.start_column) == (3, 7)


def test_a_report_of_nothing_is_one_run_without_results():
    (run,) = Sarif.model_validate(json.loads(render_sarif(NONE))).runs
    assert run.results == []
