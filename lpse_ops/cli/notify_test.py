"""Send a test message, so that it is known before the night when it matters."""

import click

from lpse_ops.cli.notify import URLS_KEY
from lpse_ops.cli.notify_send import Message, send
from lpse_ops.cli.notify_urls import read_urls
from lpse_ops.cli.parameters import common_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import SettingsError

_FAILED = 1


@click.command(epilog="Example: lpse-ops notify test")
@common_options
@click.pass_obj
def command(app: App) -> int:
    """Send a test message to every URL of notify.urls_file; say which of them took it."""
    path = app.settings.notify.urls_file
    if path is None:
        raise SettingsError(
            f"{app.settings.file} has no {URLS_KEY}",
            hint="add it: notify: {urls_file: notify.urls}; the file holds one apprise URL in a "
            "line, e.g. mailtos://USER:PASSWORD@HOST?to=ADDRESS",
        )
    urls = read_urls(path, URLS_KEY)
    failures = send(urls, render_test(app.settings.site.slug))
    for failure in failures:
        app.console.warn(f"not sent: {failure}")
    app.console.print(f"{len(urls) - len(failures)} of {len(urls)} took the test message")
    return _FAILED if failures else 0


def render_test(site: str) -> Message:
    return Message(
        f"[{site}] Uji pemberitahuan lpse-ops",
        "Ini pesan uji. Pemberitahuan tentang pencadangan akan datang ke alamat ini.\n",
    )
