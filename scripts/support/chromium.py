"""Runs headless Chromium through chromedriver, for tests, pictures and measurements."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=720,640 --mute-audio "
    "--autoplay-policy=no-user-gesture-required"
)


@contextmanager
def chromium(profile: Path, downloads: Path | None = None) -> Iterator[Chrome]:
    """Run a browser while the context lasts, with its logs enabled.

    Parameters
    ----------
    profile
        An empty folder for the browser's profile.
    downloads
        Folder for downloaded files.
    """
    assert CHROMIUM
    assert DRIVER, "Chromium with its chromedriver is not installed"
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={profile}")
    if downloads:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium does not start as root otherwise
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
