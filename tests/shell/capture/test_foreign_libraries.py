"""What our code and the fakes believe of the audio libraries stands in the libraries' own source.

The wheels for Windows and macOS are downloaded, in the versions that pyproject.toml admits, and
their Python source or stub is read and never imported, so this runs on any system.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.shell.capture import test_other_systems as fakes

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = {
    "sounddevice": ("win_amd64", "sounddevice.py"),
    "PyAudioWPatch": ("win_amd64", "pyaudiowpatch/__init__.py"),
    "flexaudio": ("macosx_14_0_arm64", "flexaudio/__init__.pyi"),
}
"""The platform that each is used on, and where in its wheel its signatures stand."""
SIGNATURES: dict[str, dict[str, Callable[..., Any]]] = {
    "sounddevice": {
        "RawInputStream.__init__": fakes.RawInputStream.__init__,
        "RawInputStream.start": fakes.RawInputStream.start,
        "RawInputStream.abort": fakes.RawInputStream.abort,
        "RawInputStream.close": fakes.RawInputStream.close,
        "WasapiSettings.__init__": fakes.WasapiSettings.__init__,
        "query_devices": fakes.Sounddevice.query_devices,
        "query_hostapis": fakes.Sounddevice.query_hostapis,
        "_terminate": fakes.Sounddevice._terminate,
        "_initialize": fakes.Sounddevice._initialize,
    },
    "PyAudioWPatch": {
        "Stream.__init__": fakes.PyAudioStream.__init__,
        "Stream.is_active": fakes.PyAudioStream.is_active,
        "Stream.stop_stream": fakes.PyAudioStream.stop_stream,
        "Stream.close": fakes.PyAudioStream.close,
        "PyAudio.__enter__": fakes.PyAudio.__enter__,
        "PyAudio.__exit__": fakes.PyAudio.__exit__,
        "PyAudio.terminate": fakes.PyAudio.terminate,
        "PyAudio.open": fakes.PyAudio.open,
        "PyAudio.get_loopback_device_info_generator": (
            fakes.PyAudio.get_loopback_device_info_generator
        ),
        "PyAudio.get_default_wasapi_loopback": fakes.PyAudio.get_default_wasapi_loopback,
    },
    "flexaudio": {
        "open": fakes.Flexaudio.open,
        "capabilities": fakes.Flexaudio.capabilities,
        "processes": fakes.Flexaudio.processes,
        "Stream.poll_chunk": fakes.TapOfThread.poll_chunk,
        "Stream.stop": fakes.TapOfThread.stop,
    },
}
"""The fake of each function that our code calls."""
NAMES = {
    "sounddevice": "PortAudioError input_overflow inputBufferAdcTime currentTime name index hostapi"
    " max_input_channels max_output_channels default_samplerate default_input_device",
    "PyAudioWPatch": "paInt16 paContinue paInputOverflow index name maxInputChannels"
    " defaultSampleRate input_buffer_adc_time current_time",
    "flexaudio": "arrival_ns data flags dropped_before pid name bundle_id DISCONTINUITY"
    " availability status unavailable system sources",
}
"""Attributes, keys and constants that our code reads."""


def admitted(name: str) -> str:
    """Return what pyproject.toml asks for of a package."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for extra in extras["optional-dependencies"].values():
        for line in map(Requirement, extra):
            if line.name == name:
                return f"{name}{line.specifier}"
    raise AssertionError(f"pyproject.toml asks for no {name}")


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a library's name and its source."""
    name = request.param
    platform, source = LIBRARIES[name]
    folder = tmp_path_factory.mktemp(name)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--only-binary", ":all:", "--platform", platform, "--python-version", "3.12",
         "--retries", "1", "--timeout", "20", "--dest", str(folder), admitted(name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        reached = "No matching distribution" not in done.stderr or "Retrying" in done.stderr
        assert reached, f"pyproject.toml asks for what is not there: {done.stderr}"
        pytest.skip(f"the package registry gives no {name}: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        return name, wheel.read(source).decode()


def definitions(source: str) -> dict[str, ast.FunctionDef]:
    """Return the functions and methods of a module, those of base classes with the class."""
    found: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                prefix = f"{ast.unparse(base)}."
                inherited = {k: v for k, v in found.items() if k.startswith(prefix)}
                found |= {f"{node.name}.{k.removeprefix(prefix)}": v for k, v in inherited.items()}
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    found[f"{node.name}.{part.name}"] = part
    return found


def parameters(function: ast.FunctionDef) -> list[tuple[str, str, object]]:
    """Return name, kind and default of each parameter but self; "?" for a default with a name."""
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [*[inspect.Parameter.empty] * (len(plain) - len(given.defaults)), *given.defaults]
    found = [(a.arg, "plain", d) for a, d in zip(plain, defaults, strict=True)]
    if given.vararg:
        found.append((given.vararg.arg, "*", inspect.Parameter.empty))
    keywords = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    found += [(a.arg, "keyword", d or inspect.Parameter.empty) for a, d in keywords]
    if given.kwarg:
        found.append((given.kwarg.arg, "**", inspect.Parameter.empty))
    return [(n, kind, _literal(d)) for n, kind, d in found if n != "self"]


def _literal(default: Any) -> object:
    if not isinstance(default, ast.expr):
        return default
    try:
        return ast.literal_eval(default)
    except ValueError:
        return "?"


def test_the_fakes_have_the_librarys_signatures(library: tuple[str, str]) -> None:
    name, source = library
    theirs = definitions(source)
    for path, fake in SIGNATURES[name].items():
        assert path in theirs, f"{name} has no {path}"
        ours = ast.parse(textwrap.dedent(inspect.getsource(fake))).body[0]
        assert isinstance(ours, ast.FunctionDef)
        wanted = parameters(theirs[path])
        unknown = {n for n, _, default in wanted if default == "?"}
        assert [
            (n, kind, "?" if n in unknown else default) for n, kind, default in parameters(ours)
        ] == wanted, f"{name}: {path}"


def test_what_our_code_reads_of_a_library_is_in_it(library: tuple[str, str]) -> None:
    name, source = library
    missing = [word for word in NAMES[name].split() if not re.search(rf"\b{word}\b", source)]
    assert missing == []


def test_a_fake_that_differs_is_noticed() -> None:
    theirs = definitions("class A:\n def f(self, a, b=1, *, c=2): pass\nclass B(A): pass")["B.f"]
    assert parameters(theirs) == [
        ("a", "plain", inspect.Parameter.empty),
        ("b", "plain", 1),
        ("c", "keyword", 2),
    ]
    for other in ("a, b=2, *, c=2", "a, b=1, c=2", "a, *, c=2", "b=1, a=1, *, c=2"):
        assert parameters(definitions(f"def f(self, {other}): pass")["f"]) != parameters(theirs)
