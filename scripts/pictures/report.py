"""Draw the report of the sample call as a browser shows it, for the README: docs/report.png.

    python -m scripts.pictures.report [--results FOLDER] [--into FOLDER]

With --results the log of an earlier replay of the sample call is taken; else it is replayed, with
words, first.  With --into pictures of all of it go into a folder, to look at: light, dark, on a
phone, as printed.
"""

from __future__ import annotations

import argparse
import base64
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from selenium.webdriver import Chrome

from scripts.support.chromium import chromium
from voicecoach.shell import report
from voicecoach.shell.results import reader
from voicecoach.shell.results.writer import REPORT_FILE
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource

TARGET = Path(__file__).resolve().parents[2] / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 1400
PHONE = 360
MOMENT_S = 115.5
"""Seconds into the call; a cue is displayed then."""
SETTLED_S = 0.5


def picture(driver: Chrome, page: Path, width: int, height: int | None, *, dark: bool) -> bytes:
    """Return a page as PNG; the whole page if `height` is None.  Sizes are in pixels."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    size = {"width": width, "height": height or 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    driver.get(page.as_uri())
    driver.execute_script(f"typeof call === 'undefined' || call.seek({MOMENT_S})")
    time.sleep(SETTLED_S)
    clip = {}
    if height is None:
        tall = driver.execute_script("return document.documentElement.scrollHeight")
        clip = {"clip": {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}}
    options = {"captureBeyondViewport": height is None, **clip}
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"])


def main() -> None:
    """Draw the README's picture, or with --into all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--into", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.results
        if folder is None:
            command = [sys.executable, "-m", "voicecoach", "demo", "--out", scratch]
            subprocess.run(command, check=True)
            folder = Path(scratch) / Path(SAMPLE_CALL).stem
        page = folder / REPORT_FILE
        if not page.exists():
            sample = partial(RecordedCall.from_stereo, resource("samples", SAMPLE_CALL))
            report.write_report(reader.read_results(folder), sample, "inline")
        with chromium(Path(scratch) / "profile") as driver:
            TARGET.write_bytes(picture(driver, page, WIDTH, HEIGHT, dark=False))
            if args.into:
                args.into.mkdir(parents=True, exist_ok=True)
                for name, width, dark in [
                    ("light", WIDTH, False),
                    ("dark", WIDTH, True),
                    ("phone", PHONE, False),
                    ("phone-dark", PHONE, True),
                ]:
                    png = picture(driver, page, width, None, dark=dark)
                    (args.into / f"{name}.png").write_bytes(png)
                printed = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
                (args.into / "printed.pdf").write_bytes(base64.b64decode(printed["data"]))


if __name__ == "__main__":
    main()
