"""The errors, named by who must act.

* VoiceCoachError
  - ConfigError      edit a file or an option
  - PluginError      update or remove the package that it names
  - AudioFileError   choose another recording, or mend this one
  - DeviceError      plug something in, or start the sound server
  - ModelError       install or point at a model
      ModelUnavailable   it is fine to want it, it can't be had now: go on without
  - OutputError      make room, or name another folder
  - ClusterError     start the scheduler or its workers, or mend them
  - JournalError     name another event log or journal, or replay the call again
  - InputError       mend the program that calls voicecoach

Facts of the stream (a gap, a dead channel, a stage that failed) are events, not errors.
"""

from __future__ import annotations

EXIT_UNUSABLE = 2
"""Exit code where a person has to mend something."""
MAX_MESSAGE_CHARS = 1000
"""Characters of a message: more is not read, and may be a whole file that somebody sent."""


def one_line(text: str) -> str:
    """Return a text as one line that moves no cursor; of a long one the middle is left out."""
    half = MAX_MESSAGE_CHARS // 2 - 3
    if len(text) > MAX_MESSAGE_CHARS:
        text = f"{text[:half]} ... {text[-half:]}"
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


class VoiceCoachError(Exception):
    """Something a person can mend; the message is one line and says what."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class ConfigError(VoiceCoachError):
    """A configuration, cue file or option is wrong."""


class PluginError(VoiceCoachError):
    """What another package adds to voicecoach cannot be used."""


class AudioFileError(VoiceCoachError):
    """A recording cannot be used."""


class DeviceError(VoiceCoachError):
    """There is nothing to capture with, or from."""


class ModelError(VoiceCoachError):
    """A model file is missing or is not what it should be."""


class ModelUnavailable(ModelError):
    """A model that may be wanted is not here and cannot be fetched; the rest works without."""


class OutputError(VoiceCoachError):
    """Results cannot be written."""


class ClusterError(VoiceCoachError):
    """There is nobody to do the work of an archive."""


class JournalError(VoiceCoachError):
    """An event log or a journal cannot be used."""


class InputError(VoiceCoachError, ValueError):
    """A program passed something that the interface does not take, such as a wrong shape."""
