"""Build a wheel with the transcription model, from wherever it is found, ready to be published.

    python -m scripts.support.model_wheel --out dist

voicecoach finds the model in it without further settings (`voicecoach/shell/asr/model_places.py`).
The files are stored, not compressed: the same files give the same wheel, byte for byte, on every
machine, so that its SHA-256 can be compared before it is published.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import zipfile
from pathlib import Path

from scripts.support.environment import ROOT
from voicecoach.shell.asr.model_places import TINY_EN, find_model, model_checksums
from voicecoach.shell.runtime.resources import resource, sha256, verify

PACKAGE = "voicecoach-whisper-tiny-en"
VERSION = "1.0.0"
LIMIT = 100_000_000
"""Largest file that PyPI takes without being asked, bytes."""
DATED = (1980, 1, 1, 0, 0, 0)

METADATA = """\
Metadata-Version: 2.4
Name: {package}
Version: {version}
Summary: OpenAI's speech recognition model Whisper tiny.en in CTranslate2 form, for voicecoach
License-Expression: MIT
License-File: LICENSE
Keywords: speech,transcription,whisper,ctranslate2,offline
Classifier: Intended Audience :: Developers
Classifier: Operating System :: OS Independent
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Multimedia :: Sound/Audio :: Speech
Requires-Python: >=3.9
Description-Content-Type: text/markdown

# {package}

The model Whisper tiny.en by OpenAI (MIT licence), in the form that CTranslate2 and faster-whisper
load, so that voicecoach needs no model hub. It holds data and no code; voicecoach compares each
file with its SHA-256 before use:

| file | bytes | SHA-256 |
|---|---|---|
{rows}
`model.bin` is that of `Systran/faster-whisper-tiny.en`, byte for byte. The folder `{folder}` of the
module `{module}` can be given to faster-whisper's `WhisperModel` as it is.
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: voicecoach\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(source: Path, out: Path) -> Path:
    """Write a wheel with the model's files in `source` into the folder `out`.

    Raises
    ------
    ModelError
        If a file of `source` is not as it was released.
    """
    expected = model_checksums()
    verify(source, expected)
    module, folder = TINY_EN.packages[PACKAGE]
    rows = "".join(
        f"| {name} | {(source / name).stat().st_size} | {digest} |\n"
        for name, digest in expected.items()
    )
    about = METADATA.format(
        package=PACKAGE, version=VERSION, rows=rows, module=module, folder=folder
    )
    name = f"{PACKAGE.replace('-', '_')}-{VERSION}"
    info = f"{name}.dist-info"
    init = f'"""Whisper tiny.en in CTranslate2 form, in the folder `{folder}`."""\n'
    files = {
        f"{module}/__init__.py": init.encode(),
        **{f"{module}/{folder}/{file}": (source / file).read_bytes() for file in expected},
        f"{info}/METADATA": about.encode(),
        f"{info}/WHEEL": WHEEL.encode(),
        f"{info}/licenses/LICENSE": resource("models", f"{TINY_EN.folder}.LICENSE").read_bytes(),
    }
    record = "".join(f"{path},{_record_hash(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    out.mkdir(parents=True, exist_ok=True)
    wheel = out / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, DATED)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix, on any system
            archive.writestr(entry, data)
    return wheel


def _record_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def main() -> None:
    """Build the wheel and print its size and SHA-256."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--source", type=Path, help="folder with the model (default: as found)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    found = find_model() if options.source is None else None
    source = Path(found.folder) if found else options.source
    wheel = build_wheel(source, options.out)
    size = wheel.stat().st_size
    print(f"model: {found.place if found else source}, checked")
    print(f"{wheel}: {size} bytes, SHA-256 {sha256(wheel)}")
    if size > LIMIT:
        raise SystemExit(f"larger than {LIMIT} bytes: ask PyPI for a higher limit first")


if __name__ == "__main__":
    main()
