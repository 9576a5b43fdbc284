"""A real-time tone monitor for phone calls.

`replay` yields the events of a recorded call, `read_log` those in an event log; `Engine` is the
analysis itself, for audio of your own; `prosody` describes a voice.  What is listed in `__all__` is
public; everything else may change between versions.

Positions in events are samples at `SAMPLE_RATE`.  A name is imported when it is first used, so
that `import voicecoach` costs next to nothing.
"""

import os as _os

from voicecoach.version import __version__

# Nothing leaves the machine.  onnxruntime 1.29 and newer reports its use to its maker, and the
# model hub's client adds where it is used to a fetch, unless told not to before they start.
_os.environ["ORT_DISABLE_TELEMETRY"] = "1"
_os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

TYPE_CHECKING = False  # to those who run this; to those who check types it is true
if TYPE_CHECKING:
    from voicecoach.api.calls import Engine, load_config, read_log, replay, sample_call
    from voicecoach.api.prosody import ProsodyExtractor, ProsodyTrack, prosody
    from voicecoach.config import Config, override_config
    from voicecoach.engine_state import EngineState
    from voicecoach.errors import (
        AudioFileError,
        ClusterError,
        ConfigError,
        DeviceError,
        InputError,
        JournalError,
        ModelError,
        ModelUnavailable,
        OutputError,
        PluginError,
        VoiceCoachError,
    )
    from voicecoach.types.events import (
        Account,
        Backchannel,
        CarefulUtterance,
        ChannelState,
        CueClosed,
        CueFeedback,
        CueHeldBack,
        CueOpened,
        CueOutcome,
        Degraded,
        Delivery,
        DialogueAct,
        DigitsShown,
        Ended,
        Event,
        Gap,
        Listening,
        NotUnderstood,
        Overlap,
        PersonChanged,
        Prosody,
        Reply,
        SignalChanges,
        SpeechEnded,
        SpeechStarted,
        Tone,
        TranscribeRequest,
        Turn,
        Utterance,
        Word,
    )
    from voicecoach.types.stream import (
        HOP,
        MAX_HOPS,
        SAMPLE_RATE,
        Block,
        HeardWord,
        Speaker,
        Transcript,
        to_seconds,
    )

__all__ = [
    "HOP",
    "MAX_HOPS",
    "SAMPLE_RATE",
    "Account",
    "AudioFileError",
    "Backchannel",
    "Block",
    "CarefulUtterance",
    "ChannelState",
    "ClusterError",
    "Config",
    "ConfigError",
    "CueClosed",
    "CueFeedback",
    "CueHeldBack",
    "CueOpened",
    "CueOutcome",
    "Degraded",
    "Delivery",
    "DeviceError",
    "DialogueAct",
    "DigitsShown",
    "Ended",
    "Engine",
    "EngineState",
    "Event",
    "Gap",
    "HeardWord",
    "InputError",
    "JournalError",
    "Listening",
    "ModelError",
    "ModelUnavailable",
    "NotUnderstood",
    "OutputError",
    "Overlap",
    "PersonChanged",
    "PluginError",
    "Prosody",
    "ProsodyExtractor",
    "ProsodyTrack",
    "Reply",
    "SignalChanges",
    "Speaker",
    "SpeechEnded",
    "SpeechStarted",
    "Tone",
    "TranscribeRequest",
    "Transcript",
    "Turn",
    "Utterance",
    "VoiceCoachError",
    "Word",
    "__version__",
    "load_config",
    "override_config",
    "prosody",
    "read_log",
    "replay",
    "sample_call",
    "to_seconds",
]

_HOMES = {
    "api.calls": ("Engine", "load_config", "read_log", "replay", "sample_call"),
    "api.prosody": ("ProsodyExtractor", "ProsodyTrack", "prosody"),
    "config": ("Config", "override_config"),
    "engine_state": ("EngineState",),
    "errors": (
        "AudioFileError", "ClusterError", "ConfigError", "DeviceError", "InputError",
        "JournalError", "ModelError", "ModelUnavailable", "OutputError", "PluginError",
        "VoiceCoachError",
    ),
    "types.stream": (
        "HOP", "MAX_HOPS", "SAMPLE_RATE", "Block", "HeardWord", "Speaker", "Transcript",
        "to_seconds",
    ),
}  # fmt: skip
"""Modules of the public names that are not in `types.events`."""


if not TYPE_CHECKING:  # a name that is misspelt is an error to those, too

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        home = next((module for module, names in _HOMES.items() if name in names), "types.events")
        found = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = found  # the next time it is there
        return found


del TYPE_CHECKING


def __dir__() -> list[str]:
    return sorted(__all__)
