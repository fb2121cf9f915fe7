"""Programs of others that read our papers: LibreOffice, poppler and a strict HTML parser."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

PACKAGES = {
    "soffice": "libreoffice-writer-nogui",
    "pdftotext": "poppler-utils",
    "qpdf": "qpdf",
    "zbarimg": "zbar-tools",
}
VOID = {"meta", "br", "img", "path"}


def missing_packages() -> list[str]:
    return [package for program, package in PACKAGES.items() if not shutil.which(program)]


def text_of_pdf(path: Path) -> str:
    """The words of a PDF, single blanks between them, as ``pdftotext`` finds them."""
    done = subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True)
    return plain(done.stdout.decode())


def pages_of_pdf(path: Path) -> int:
    done = subprocess.run(["pdfinfo", path], check=True, capture_output=True, text=True)
    return int(re.search(r"^Pages: +(\d+)$", done.stdout, re.MULTILINE)[1])


def qr_codes_of_pdf(path: Path, folder: Path) -> str:
    """What a scanner of QR codes reads from a scan of 200 dots an inch."""
    picture = folder / "scan"
    argv = ["pdftoppm", "-r", "200", "-png", "-singlefile", path, picture]
    subprocess.run(argv, check=True)
    argv = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", f"{picture}.png"]
    done = subprocess.run(argv, check=True, capture_output=True)
    return done.stdout.decode()


def convert_to_pdf(paths: list[Path], folder: Path) -> list[Path]:
    """Open DOCX files in LibreOffice, once for all of them, and save them as PDF."""
    profile = (folder / "profile").as_uri()
    argv = ["soffice", f"-env:UserInstallation={profile}", "--headless", "--norestore"]
    subprocess.run(
        [*argv, "--convert-to", "pdf", "--outdir", folder, *paths],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return [folder / f"{path.stem}.pdf" for path in paths]


def plain(text: str) -> str:
    # Where a line had to be broken inside a word, nothing was written.
    return re.sub(r"\s+", " ", text.replace("\N{ZERO WIDTH SPACE}", "")).strip()


def without_blanks(text: str) -> str:
    return re.sub(r"\s+", "", text)


class StrictParser(HTMLParser):
    """Fails where a browser would guess: elements that are not closed, or not in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for key, value in attributes if key in ("src", "href")]
        names = [key for key, _ in attributes]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


def parse_strictly(content: bytes) -> StrictParser:
    parser = StrictParser()
    parser.feed(content.decode())
    parser.close()
    assert parser.open == []
    return parser
