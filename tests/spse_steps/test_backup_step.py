import pytest
from spse_steps.steps.backup import find_snapshot

ID = "4f0c1b2c4f0c1b2c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"snapshot": "{ID}"}}', ID),
        (f'{{"snapshot": {{"id": "{ID}", "hostname": "x"}}}}', ID),
        (f'{{"snapshot_id": "{ID}"}}', ID),
        (f"no parent\nsnapshot {ID} saved\n", ID),
        ('{"snapshot": "$(reboot)"}', None),
        ('{"snapshot": null}', None),
        ("[]", None),
        ("snapshot was not saved", None),
        ("", None),
    ],
)
def test_the_snapshot_that_a_backup_names(text, expected):
    assert find_snapshot(text) == expected
