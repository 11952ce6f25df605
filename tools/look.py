"""Pictures of the HTML pages under a folder, whole, at desktop and phone width, for eyes: `make look`. Needs chromium; no test does."""

import re
import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

from shards.cli import Parser, run
from shards.errors import InputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = {"desktop": 1280, "phone": 390}  # CSS pixels
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking", "--no-first-run")
TIMEOUT_SECONDS = 120
# the page in a frame of the wanted width: the browser's own window is never narrower than 500 pixels while it only dumps the page
_MEASURE = """<!DOCTYPE html><iframe style="width: {width}px; height: 1000px; border: 0" srcdoc="{page}"
onload="document.documentElement.dataset.height = this.contentDocument.documentElement.scrollHeight"></iframe>"""


def page_height(browser: str, page: Path, width: int) -> int:
    """The height of `page` in CSS pixels at `width`, as the browser lays it out. Raises `InputError` where it does not say."""
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "page.html"
        measured.write_text(_MEASURE.format(width=width, page=escape(page.read_text(encoding="utf-8"))), encoding="utf-8")
        done = _browse(browser, folder, width, 1000, "--dump-dom", measured.as_uri())
    found = re.search(r'data-height="(\d+)"', done.stdout)
    if found is None:
        raise InputError(f"{browser} did not lay out {page} (exit code {done.returncode}): {done.stderr.strip()[-200:]}")
    return int(found[1])


def photograph(browser: str, page: Path, picture: Path, width: int) -> None:
    """Writes a PNG of the whole of `page` at `width` CSS pixels. Raises `InputError` where the browser makes none."""
    height = page_height(browser, page, width)
    picture.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        done = _browse(browser, folder, width, height, f"--screenshot={picture.resolve()}", page.resolve().as_uri())
    if not picture.exists():
        raise InputError(f"{browser} made no picture of {page} (exit code {done.returncode}): {done.stderr.strip()[-200:]}")


def _browse(browser: str, profile: str, width: int, height: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [browser, *OPTIONS, f"--user-data-dir={profile}/profile", f"--window-size={width},{height}", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(f"{browser} did not end within {TIMEOUT_SECONDS} s; try it by hand: {' '.join(command)}") from None


def main() -> int:
    """Photographs every page found and prints where the pictures are."""
    parser = Parser(prog="python -m tools.look", description=__doc__ or "")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to search for *.html; pictures are written beside each page")
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
