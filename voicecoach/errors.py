"""Defines the errors, each named after what the user has to change.

* VoiceCoachError
  - ConfigError      edit a file or an option
  - PluginError      update or remove the package that it names
  - AudioFileError   choose another recording, or repair this one
  - DeviceError      plug something in, or start the sound server
  - ModelError       install or point at a model
      ModelUnavailable   the model cannot be fetched now: continue without it
  - OutputError      make room, or name another folder
  - ClusterError     start the scheduler or its workers, or repair them
  - JournalError     name another event log or journal, or replay the call again
  - InputError       correct the program that calls voicecoach

Facts of the stream (a gap, a dead channel, a stage that failed) are events, not errors.
"""

from __future__ import annotations

EXIT_UNUSABLE = 2
"""Exit code for an error that the user has to fix."""
MAX_MESSAGE_CHARS = 1000
"""Longest message, characters: nobody reads more, and it may quote a whole file."""


def one_line(text: str) -> str:
    """Return a text as one line without control characters; a long one is cut in the middle."""
    half = MAX_MESSAGE_CHARS // 2 - 3
    if len(text) > MAX_MESSAGE_CHARS:
        text = f"{text[:half]} ... {text[-half:]}"
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


class VoiceCoachError(Exception):
    """An error that the user can fix; the message is one line and says what to fix."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class ConfigError(VoiceCoachError):
    """A configuration, cue file or option is wrong."""


class PluginError(VoiceCoachError):
    """A plug-in of another package cannot be used."""


class AudioFileError(VoiceCoachError):
    """A recording cannot be used."""


class DeviceError(VoiceCoachError):
    """No audio device, or no sound server, to capture from."""


class ModelError(VoiceCoachError):
    """A model file is missing or is not what it should be."""


class ModelUnavailable(ModelError):
    """An optional model is missing and cannot be fetched; everything else works without it."""


class OutputError(VoiceCoachError):
    """Results cannot be written."""


class ClusterError(VoiceCoachError):
    """No worker is available to process an archive."""


class JournalError(VoiceCoachError):
    """An event log or a journal cannot be used."""


class InputError(VoiceCoachError, ValueError):
    """A program passed an invalid argument, such as an array of the wrong shape."""
