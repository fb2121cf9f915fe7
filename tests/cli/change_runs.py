"""Runs ``lpse-ops spse`` in this process, at a time of our own."""

import contextlib
import io
from pathlib import Path

from lpse_ops.cli.main import run
from lpse_ops.cli.wiring import App
from tests.cli.commands import Ended
from tests.fakes import FixedClock
from tests.spse.samples import at

SETTINGS = """\
site: {name: LPSE Kabupaten Contoh, slug: lpse-contoh, time_zone: WITA}
people:
  - {name: 'Budi Contoh, S.Kom.', role: Pengelola Sistem, nip: '198001012005011001'}
  - {name: 'Sari Contoh, S.H.', role: Kepala LPSE}
papers: {letterhead: [PEMERINTAH KABUPATEN CONTOH, LPSE KABUPATEN CONTOH], place: Contoh}
"""


class Site:
    """A site in a folder; ``clock`` starts on Sunday, 22 November 2026, at noon in Makassar."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FixedClock(at("11-22 12:00"))
        self.write(SETTINGS)

    def write(self, settings: str) -> None:
        (self.folder / "lpse-ops.yml").write_text(settings)

    def app(self) -> App:
        state = str(self.folder / "state")
        app = App(
            environment={"LPSE_OPS_STATE": state, "SUDO_USER": "sari"},
            settings_file=self.folder / "lpse-ops.yml",
            stderr=io.StringIO(),
        )
        app.clock = self.clock  # type: ignore[misc] # in the place of the machine's
        return app

    def change(self, *args: str | Path) -> Ended:
        return self.spse("change", *args)

    def spse(self, *args: str | Path) -> Ended:
        """Run a command in the folder; what it writes to standard output is in the answer."""
        app = self.app()
        stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(stdout):
            code = run(["spse", *map(str, args)], app)
            stdout.flush()
        answer = stdout.buffer.getvalue().decode()  # type: ignore[attr-defined]
        return Ended(code, answer, app.stderr.getvalue())  # type: ignore[attr-defined]
