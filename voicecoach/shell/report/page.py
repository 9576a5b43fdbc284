"""Builds the report's single file from its page, style, scripts, data and sound.

The policy lists each script and the style by its hash; nothing else runs and nothing is fetched.
One style has no hash, wavesurfer's own, because its text depends on the height it draws at: it
carries a nonce.  The data contains no `<`, so it cannot close its element.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec

from voicecoach.shell.report.sound import ReportSound
from voicecoach.shell.runtime.html_page import csp_hash
from voicecoach.version import __version__
from voicecoach.views.report import Report

REPORT_ASSETS = Path(__file__).parent
REPORT_STYLES = ("vendor/uPlot.min.css", "report.css")
SCRIPTS = (
    "vendor/wavesurfer.min.js",
    "vendor/uPlot.iife.min.js",
    "base.js",
    "timeline.js",
    "charts.js",
    "words.js",
    "card.js",
    "report.js",
)
LICENCES = ("vendor/wavesurfer.LICENSE", "vendor/uPlot.LICENSE")
_UNSAFE = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def report_page(report: Report, sound: ReportSound | None, beside: str = "") -> bytes:
    """Return the page.

    Parameters
    ----------
    report
        The report's data.
    sound
        Waveform and MP3 of the recording.
    beside
        Name of the file beside the page that has the sound; "" puts the sound into the page.
    """
    data = _json(report, sound)
    scripts = [_read_asset(name) for name in SCRIPTS]
    style = "\n".join(_read_asset(name) for name in REPORT_STYLES)
    # Derived from the content, so that the same call gives the same page.
    nonce = hashlib.sha256(data.encode()).hexdigest()[:32]
    parts = {
        "policy": _policy(scripts, style, nonce, beside),
        "licences": "\n".join(_read_asset(name) for name in LICENCES),
        "style": f"<style>{style}</style>",
        "data": f'<script type="application/json" id="data" data-nonce="{nonce}">{data}</script>',
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
        "sound": _audio(sound, beside),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m[1]], _read_asset("page.html")).encode()


def _policy(scripts: list[str], style: str, nonce: str, beside: str) -> str:
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(csp_hash, scripts)),
        "style-src": f"{csp_hash(style)} 'nonce-{nonce}'",
        "img-src": "data:",
        "media-src": "'self' file:" if beside else "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _json(report: Report, sound: ReportSound | None) -> str:
    waveform: dict[str, Any] | None = None
    if sound:
        peaks = [base64.b64encode(row.tobytes()).decode() for row in sound.peaks]
        waveform = {"duration_s": sound.duration_s, "peaks": peaks}
    data = {"voicecoach": __version__, "report": report, "waveform": waveform}
    return msgspec.json.encode(data).decode().translate(_UNSAFE)


def _audio(sound: ReportSound | None, beside: str) -> str:
    if not sound or not sound.mp3:
        return ""
    where = beside or f"data:audio/mpeg;base64,{base64.b64encode(sound.mp3).decode()}"
    return f'<audio id="audio" preload="auto" src="{where}"></audio>'


def _read_asset(name: str) -> str:
    return (REPORT_ASSETS / name).read_text("utf-8")
