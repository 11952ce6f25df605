"""Pictures of the HTML pages under a folder, at desktop and phone width, for eyes: `make look`. Needs chromium; no test does."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from shards.cli import Parser, run
from shards.errors import InputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = {"desktop": 1280, "phone": 390}  # CSS pixels
HEIGHT = 6000  # CSS pixels: long enough for a whole report


def photograph(browser: str, page: Path, picture: Path, width: int) -> None:
    """Writes a PNG of `page` at `width` CSS pixels. Raises `InputError` where the browser makes none."""
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        size = f"--window-size={width},{HEIGHT}"
        done = subprocess.run(
            [browser, *options, size, f"--screenshot={picture}", page.resolve().as_uri()], capture_output=True, text=True, check=False
        )
    if not picture.exists():
        raise InputError(f"{browser} made no picture of {page} (exit code {done.returncode}): {done.stderr.strip()[-200:]}")


def main() -> int:
    """Photographs every page found and prints where the pictures are."""
    parser = Parser(prog="python -m tools.look", description=__doc__ or "")
    parser.add_argument("folder", type=Path, help="folder to search for *.html; pictures are written beside each page")
    args = parser.parse_args()
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise InputError(f"no browser found (looked for {', '.join(BROWSERS)}); install chromium")
    pages = sorted(args.folder.rglob("*.html"))
    if not pages:
        raise InputError(f"{args.folder}: no .html below it; run make demo first")
    for page in pages:
        for name, width in WIDTHS.items():
            picture = page.with_suffix(f".{name}.png")
            photograph(browser, page, picture, width)
            print(picture)
    return 0


if __name__ == "__main__":
    run("look", main)
