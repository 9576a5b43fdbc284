"""Test doubles for code that uses voicecoach: sounds with known properties, and stand-ins.

Sounds: `sine`, `notes`, `vowel`, `syllables`, `white_noise`, `silence`, `wavering` and `stereo`.
Stand-ins: `LevelVad` and `ScriptedVad` for the speech detector, `OneVoice` for what tells voices
apart, `ScriptedTranscriber` for speech recognition, `NoteTranscriber` for a recogniser that
streams, and in `voicecoach.testing.session` a live session that needs no sound system.
`make_engine` and `process_all` run an engine on them; `wait_until` waits for another thread.
`failed_examples` checks the phrases of a language, `failed_stream_checks` a recogniser that
streams.

>>> from voicecoach.testing import process_all, silence, stereo, syllables
>>> events = process_all(stereo(silence(3), syllables(200, 4, 3)))
>>> sorted({type(event).__name__ for event in events if "Speech" in type(event).__name__})
['SpeechEnded', 'SpeechStarted']
"""

from voicecoach.testing.doubles import (
    ENGLISH,
    ENGLISH_ACTS,
    ENGLISH_WORDING,
    SCRIPT,
    TELLTALE_WORDS,
    LevelVad,
    OneVoice,
    ScriptedTranscriber,
    ScriptedVad,
    cut_blocks,
    make_cue,
    make_engine,
    make_extractor,
    make_tone,
    make_utterance,
    make_word,
    process_all,
)
from voicecoach.testing.languages import failed_examples
from voicecoach.testing.sounds import (
    NOTES,
    notes,
    silence,
    sine,
    stereo,
    syllables,
    vowel,
    wavering,
    white_noise,
    whole_hops,
)
from voicecoach.testing.streaming import NoteTranscriber, failed_stream_checks
from voicecoach.testing.waiting import wait_until

__all__ = [
    "ENGLISH",
    "ENGLISH_ACTS",
    "ENGLISH_WORDING",
    "NOTES",
    "SCRIPT",
    "TELLTALE_WORDS",
    "LevelVad",
    "NoteTranscriber",
    "OneVoice",
    "ScriptedTranscriber",
    "ScriptedVad",
    "cut_blocks",
    "failed_examples",
    "failed_stream_checks",
    "make_cue",
    "make_engine",
    "make_extractor",
    "make_tone",
    "make_utterance",
    "make_word",
    "notes",
    "process_all",
    "silence",
    "sine",
    "stereo",
    "syllables",
    "vowel",
    "wait_until",
    "wavering",
    "white_noise",
    "whole_hops",
]
