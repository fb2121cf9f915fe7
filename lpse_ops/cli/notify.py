"""Tells people what is wrong with the backups, and that it is over: by the URLs in the settings.

What was told stands in the ledger, so that a trouble is told once and then once a day.  Nothing
here fails a backup: what goes wrong is a warning, and is tried again by the next run.
"""

from lpse_ops.backup.notices import RECORD, notice_facts, plan_notices, read_told
from lpse_ops.backup.statusverdict import BackupStatus
from lpse_ops.cli.notify_send import Message, send
from lpse_ops.cli.notify_text import render_notice
from lpse_ops.cli.notify_urls import read_urls
from lpse_ops.cli.records import record
from lpse_ops.cli.state_lock import wait_for_turn
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, OpsError

_LOCK_FILE = "notify.lock"
URLS_KEY = "notify.urls_file"


def tell(app: App, status: BackupStatus) -> None:
    """Send what is new, what is due again and what is over; nothing without ``urls_file``."""
    settings = app.settings_unless_empty
    if settings is None or settings.notify.urls_file is None:
        return
    try:
        urls = read_urls(settings.notify.urls_file, URLS_KEY)
        # A run and the daily watch may end in the same second.
        with wait_for_turn(app.state_folder, _LOCK_FILE):
            _tell(app, status, urls)
    except (OpsError, OSError) as error:
        app.console.warn(f"nobody was told: {error}")


def _tell(app: App, status: BackupStatus, urls: list[str]) -> None:
    try:
        told = read_told(app.ledger.records(RECORD))
    except LedgerError:
        # Better told twice than never; the verdict says what is wrong with the log.
        told = {}
    notices = plan_notices(status.troubles, told, status.now)
    if not notices:
        return
    is_sent = send_all(app, urls, render_notice(app.settings.site.slug, notices, status))
    facts = notice_facts(status.troubles, told, notices, status.now, is_sent=is_sent)
    record(app, RECORD, facts)


def send_all(app: App, urls: list[str], message: Message) -> bool:
    """Send to all; warn of each that failed; True if one at least took it."""
    failures = send(urls, message)
    for failure in failures:
        app.console.warn(f"not sent: {failure}")
    return len(failures) < len(urls)
