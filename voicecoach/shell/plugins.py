"""Everything a package needs to add a sink, source, transcriber or view; see docs/extending.md.

Other names in `voicecoach.shell` are private; these stay stable.
"""

from voicecoach.config import ConfigSection, TranscriptionConfig
from voicecoach.shell.asr.transcriber import (
    RecogniserStream,
    SpeechModel,
    SpeechNotUnderstood,
    StreamingModel,
    TranscribedWord,
)
from voicecoach.shell.capture import (
    AudioChunk,
    AudioSource,
    CaptureBackend,
    CaptureStream,
    ChunkCallback,
)
from voicecoach.shell.capture.portaudio import CallbackInlet
from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UndoDecline,
)
from voicecoach.shell.runtime.plugins import NoOptions, Plugin
from voicecoach.shell.runtime.sinks import CallInfo, Sink
from voicecoach.shell.views.view import LiveHandle, View
from voicecoach.views.display import Display
from voicecoach.views.event_log import encode_event

__all__ = [
    "AudioChunk",
    "AudioSource",
    "CallInfo",
    "CallbackInlet",
    "CaptureBackend",
    "CaptureStream",
    "ChunkCallback",
    "ConfigSection",
    "CustomerDeclines",
    "Display",
    "Feed",
    "LiveHandle",
    "MarkCue",
    "NextCall",
    "NoOptions",
    "Plugin",
    "QuitProgram",
    "RecogniserStream",
    "Sink",
    "SpeechModel",
    "SpeechNotUnderstood",
    "StreamingModel",
    "ToggleListening",
    "TranscribedWord",
    "TranscriptionConfig",
    "UndoDecline",
    "View",
    "encode_event",
]
