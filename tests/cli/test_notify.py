"""Notices: a real SMTP server gets them, and no secret of a URL is shown."""

import io
from pathlib import Path

import pytest

from lpse_ops.backup.notices import Notices, topic_of
from lpse_ops.backup.status import judge
from lpse_ops.backup.statusfacts import History, Sighting
from lpse_ops.backup.statusverdict import Kind, Severity, Trouble
from lpse_ops.cli.notify import tell
from lpse_ops.cli.notify_send import Message, mask_url, send
from lpse_ops.cli.notify_text import recovered_text, render_notice, short_text
from lpse_ops.cli.notify_urls import read_urls
from lpse_ops.cli.wiring import App
from lpse_ops.errors import SettingsError
from tests.backup.statuscases import LOCAL, NOW, OFFSITE, ago, daily_runs, facts_of, run_at
from tests.cli.commands import lpse_ops
from tests.cli.smtpsink import Sink, open_sink, text_of


@pytest.fixture(scope="module")
def running_sink():
    with open_sink() as sink:
        yield sink


@pytest.fixture
def sink(running_sink: Sink) -> Sink:
    running_sink.mails.clear()
    running_sink.refuse = False
    return running_sink


@pytest.fixture
def site(tmp_path: Path, sink: Sink) -> Path:
    urls = tmp_path / "notify.urls"
    urls.touch(0o600)
    urls.write_text(f"# mail first\n{sink.url}\n")
    path = tmp_path / "lpse-ops.yml"
    path.write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
        "notify: {urls_file: notify.urls}\n"
    )
    return path


def app_for(site: Path) -> App:
    return App(
        environment={"LPSE_OPS_STATE": str(site.parent / "state")},
        stderr=io.StringIO(),
        settings_file=site,
    )


FAILED = facts_of(
    LOCAL, OFFSITE, history=History((*daily_runs(3), run_at(ago(hours=1), "failed", "disk penuh")))
)
GOOD = facts_of(LOCAL, OFFSITE, history=History((*daily_runs(3), run_at(ago()))))


def test_a_failed_run_is_mailed_once_in_indonesian_and_so_is_its_end(site: Path, sink: Sink):
    tell(app_for(site), judge(FAILED))
    [mail] = sink.mails
    assert mail["Subject"] == "[lpse-contoh] GENTING: pencadangan gagal"
    assert mail["To"] == "admin@example.org"
    text = text_of(mail)
    assert "Pencadangan pada 22-11-2026 07:30 WITA gagal: disk penuh" in text
    assert "Ketik: lpse-ops backup" in text
    assert "local: umur 6 jam 30 menit" in text
    tell(app_for(site), judge(FAILED))
    assert len(sink.mails) == 1
    tell(app_for(site), judge(GOOD))
    assert sink.mails[1]["Subject"] == "[lpse-contoh] PULIH: pencadangan berhasil lagi"
    tell(app_for(site), judge(GOOD))
    assert len(sink.mails) == 2


def test_what_nobody_took_is_sent_by_the_next_run(site: Path, sink: Sink):
    sink.refuse = True
    app = app_for(site)
    tell(app, judge(FAILED))
    assert "not sent: URL 1 (mailto)" in app.stderr.getvalue()  # type: ignore[attr-defined]
    sink.refuse = False
    tell(app_for(site), judge(FAILED))
    assert len(sink.mails) == 1


def test_what_is_not_ascii_arrives_whole(sink: Sink):
    assert send([sink.url], Message("Peringatan – disk penuh", "Kapasitas ≥ 95 %\n")) == []
    assert sink.mails[0]["Subject"] == "Peringatan – disk penuh"
    assert "Kapasitas ≥ 95 %" in text_of(sink.mails[0])


def test_one_address_that_fails_does_not_stop_the_others(sink: Sink):
    urls = ["mailto://user:hunter2@127.0.0.1:1?to=a@example.org", "nonsense://hunter2", sink.url]
    failures = send(urls, Message("Uji", "Uji"))
    assert [(each.line, each.service) for each in failures] == [(1, "mailto"), (2, "nonsense")]
    assert len(sink.mails) == 1
    assert "hunter2" not in str(failures)


def test_no_part_of_a_url_is_in_what_is_told():
    url = "tgram://123456:AAbbCCdd%2Bee/-100200/?format=text"
    said = mask_url("tried tgram://123456:AAbbCCdd%2Bee/ and AAbbCCdd+ee for -100200", url)
    assert "AAbbCC" not in said
    assert "100200" not in said
    assert said.startswith("tried tgram://")


def test_nobody_is_told_without_a_file_of_urls(site: Path, sink: Sink):
    site.write_text("site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n")
    tell(app_for(site), judge(FAILED))
    assert sink.mails == []


@pytest.mark.parametrize(
    ("mode", "content", "message"),
    [
        (0o644, "mailto://hunter2", "must be a file for its owner only"),
        (0o640, "mailto://hunter2", "must be a file for its owner only"),
        (0o600, "# nothing\n\n", "holds no URL"),
    ],
)
def test_a_file_of_urls_that_others_may_read_is_refused(tmp_path: Path, mode, content, message):
    path = tmp_path / "urls"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=message) as caught:
        read_urls(path, "notify.urls_file")
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_a_missing_file_of_urls_is_told_and_fails_nothing(site: Path):
    (site.parent / "notify.urls").unlink()
    app = app_for(site)
    tell(app, judge(FAILED))
    assert "nobody was told: cannot read" in app.stderr.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", Kind)
def test_every_trouble_has_its_words_in_indonesian(kind):
    trouble = Trouble(kind, Severity.CRITICAL, "disk-a", ago(days=3), "ab" * 32)
    without = Trouble(kind, Severity.WARNING, "disk-a")
    status = judge(facts_of(sightings={"local": Sighting(trouble="no")}))
    for each in (trouble, without):
        message = render_notice("lpse-contoh", Notices(new=(each,)), status)
        assert short_text(each) in message.title
        assert "Ketik: " in message.body
        assert "{" not in message.body


def test_every_topic_has_its_words_when_it_is_over():
    for kind in Kind:
        topic = topic_of(Trouble(kind, Severity.WARNING, "disk-a"))
        assert recovered_text(topic) != topic
    assert recovered_text("of-a-later-version:x").endswith("of-a-later-version:x")


def test_an_error_with_newlines_stays_in_its_line_and_out_of_the_subject():
    trouble = Trouble(Kind.FAILED, Severity.CRITICAL, since=NOW, detail="a\nBcc: x@example.org")
    message = render_notice("lpse-contoh", Notices(new=(trouble,)), judge(GOOD))
    assert "\n" not in message.title
    assert "\nBcc" not in message.body


def test_the_test_message_goes_to_every_address(site: Path, sink: Sink):
    done = lpse_ops("--settings", site, "notify", "test")
    assert (done.code, done.stderr) == (0, "1 of 1 took the test message\n")
    assert sink.mails[0]["Subject"] == "[lpse-contoh] Uji pemberitahuan lpse-ops"
    sink.refuse = True
    done = lpse_ops("--settings", site, "notify", "test")
    assert done.code == 1
    assert "not sent: URL 1 (mailto)" in done.stderr
    assert "example.org" not in done.stderr


def test_the_test_message_needs_an_address(site: Path):
    site.write_text("site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n")
    done = lpse_ops("--settings", site, "notify", "test")
    assert done.code == 78
    assert "mailtos://" in done.stderr
