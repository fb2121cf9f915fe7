"""Changes to a copy of a data set, so that a backup has something new to store."""

import shutil
from pathlib import Path
from random import Random

_PIECE_BYTES = 64


def copy_data(data: Path, target: Path) -> None:
    """Copy a data set, times included, once."""
    if not target.exists():
        shutil.copytree(data, target)


def change_files(data: Path, share: float, random: Random) -> int:
    """Overwrite a piece in the middle of a share of the files; return how many that were."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    chosen = random.sample(files, max(1, int(len(files) * share)))
    for path in chosen:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(random.randbytes(_PIECE_BYTES))
    return len(chosen)
