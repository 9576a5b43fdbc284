"""Captures audio from PulseAudio, or from PipeWire through its PulseAudio interface.

Debian's PortAudio does not support sound servers, but ALSA's device "pulse" connects to one; an
environment variable selects its source when it is opened.  The server may move a stream to another
source without notice, for example to the agent's microphone if the softphone's output disappears.
So each stream has a property with its speaker's name, by which its current source is looked up.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioSource, CaptureStream, ChunkCallback, portaudio
from voicecoach.shell.runtime.stderr import stderr_silenced
from voicecoach.shell.runtime.system_packages import install_advice
from voicecoach.types.events import DEVICE_CHANGED
from voicecoach.types.stream import Speaker

ALSA_PULSE_DEVICE = "pulse"
SPEAKER_PROPERTY = "voicecoach.speaker"
"""The stream property that holds the speaker's name."""
LISTING_VALID_S = 1.5
"""Seconds for which a list of the server's streams is reused."""
PACTL_TIMEOUT_S = 5.0
_ENVIRONMENT_LOCK = threading.Lock()
"""Held while environment variables are changed, because all threads share the environment."""


class PulseBackend:
    """A `CaptureBackend` for a sound server that pactl can query."""

    pauses_in_silence = False

    def __init__(self) -> None:
        self._outputs: list[dict[str, Any]] = []
        self._sources: list[AudioSource] = []
        self._listed_at = float("-inf")

    def sources(self) -> list[AudioSource]:
        """Return the server's sources; a monitor carries what an output plays."""
        self._refresh_listing()
        return self._sources

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Open a source."""
        with (
            _ENVIRONMENT_LOCK,
            _environment(PULSE_SOURCE=source.name, PULSE_PROP=f"{SPEAKER_PROPERTY}={speaker}"),
        ):
            portaudio.refresh_devices()
            # ALSA writes its error messages straight to the terminal.
            with stderr_silenced():
                stream = portaudio.PortAudioStream(
                    ALSA_PULSE_DEVICE,
                    deliver,
                    label=source.label,
                    moved=lambda: self._moved_reason(source, speaker),
                )
        self._listed_at = float("-inf")  # the cached list is older than the stream
        return stream

    def check_plugin(self) -> None:
        """Check that PortAudio reaches the server, without opening a source.

        Raises
        ------
        DeviceError
            If ALSA's plugin is missing.
        """
        portaudio.refresh_devices()
        try:
            portaudio.load_sounddevice().query_devices(ALSA_PULSE_DEVICE, "input")
        except ValueError as e:
            advice = install_advice(portaudio.missing_for_pulse() or [portaudio.ALSA_PLUGIN])
            raise DeviceError(f"PortAudio does not reach the sound server; {advice}") from e

    def _moved_reason(self, source: AudioSource, speaker: Speaker) -> str:
        self._refresh_listing()
        for output in self._outputs:
            properties = output.get("properties", {})
            mine = properties.get("application.process.id") == str(os.getpid())
            if (
                mine
                and properties.get(SPEAKER_PROPERTY) == speaker
                and output["source"] != source.name
            ):
                return f"{DEVICE_CHANGED}now {output['source']}, was {source.name}"
        return ""

    def _refresh_listing(self) -> None:
        """Query the server, unless the last answer is recent: pactl takes 7 ms."""
        now = time.monotonic()
        if now - self._listed_at < LISTING_VALID_S:
            return
        info = _run_pactl("info")
        sink, source = info.get("default_sink_name"), info.get("default_source_name")
        self._sources = []
        names = {}
        for entry in _run_pactl("list", "sources"):
            # For a source that is not a monitor, some versions write "" and some "n/a".
            monitored = entry.get("monitor_source") or ""
            monitors = monitored not in ("", "n/a")
            default = monitored == sink if monitors else entry["name"] == source
            label = entry.get("description") or entry["name"]
            kind: Literal["input", "output"] = "output" if monitors else "input"
            self._sources.append(AudioSource(entry["name"], label, kind, default))
            names[entry["index"]] = entry["name"]
        self._outputs = [
            {**output, "source": names.get(output["source"], "")}
            for output in _run_pactl("list", "source-outputs")
        ]
        self._listed_at = now


def _run_pactl(*question: str) -> Any:
    """Return pactl's answer, decoded from JSON."""
    try:
        run = subprocess.run(
            ["pactl", "-f", "json", *question],
            capture_output=True,
            timeout=PACTL_TIMEOUT_S,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},  # some versions write 0,5 in JSON
        )
        return msgspec.json.decode(run.stdout)
    except subprocess.CalledProcessError as e:
        said = e.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[0] if said else f"pactl ended with {e.returncode}"
        raise DeviceError(f"no sound server responds ({why}); start PulseAudio or PipeWire") from e
    except FileNotFoundError as e:
        advice = install_advice(portaudio.missing_for_pulse() or ["pactl"])
        raise DeviceError(f"pactl is not installed; {advice}") from e
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as e:
        raise DeviceError(f"pactl cannot reach the sound server: {e}") from e


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables while the context lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
