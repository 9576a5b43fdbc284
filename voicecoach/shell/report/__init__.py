"""Writes the report of a call: one HTML file in its folder that opens from disk, without a network.

* `sound` makes an MP3 and the waveform's peaks from the recording.
* `voicecoach.views.report` makes the report's data from the events.
* `page` puts data, sound, scripts and style into one file.

The page's security policy allows no requests and only the scripts and style whose hashes it lists;
transcribed words are inserted as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from voicecoach.errors import AudioFileError
from voicecoach.shell.live.recorder import AUDIO_FILE
from voicecoach.shell.report import page, sound
from voicecoach.shell.results import writer
from voicecoach.shell.results.reader import CallLog, Results
from voicecoach.shell.results.writer import REPORT_AUDIO_FILE, REPORT_FILE
from voicecoach.shell.runtime import atomic_write
from voicecoach.shell.runtime.audio_files import ReadOptions
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.snd_audio import RawFormat
from voicecoach.types.events import Ended
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker
from voicecoach.views import report

MAX_LENGTH_DIFFERENCE_S = 2.0
"""Largest difference in length between a recording and the log of its call, in seconds."""


def write_report(
    log: CallLog | Results, open_call: Callable[[], RecordedCall] | None, audio: str
) -> Path:
    """Write the report of a call beside its event log; return its path.

    A score card that cannot be read is left out.

    Parameters
    ----------
    log
        Results folder of a replay or a live call.
    open_call
        Opens the recording; None makes a report without sound.
    audio
        Where the sound goes: `inline` puts it into the page, `beside` into a file of its own,
        `none` leaves it out; the waveform is always drawn.

    Raises
    ------
    AudioFileError
        If the recording cannot be used, or belongs to another call.
    OutputError
        If the report cannot be written.
    """
    folder = log.path.parent
    card, _ = writer.read_usable_card(folder)
    shown = report.make_report(log.facts, log.read_events(), card)
    heard = sound.prepare_sound(open_call(), mp3=audio != "none") if open_call else None
    if heard and isinstance(log.newest, Ended):
        _check_same_length(heard.duration_s, shown.duration_s)
    beside = REPORT_AUDIO_FILE if heard and audio == "beside" else ""
    path = folder / REPORT_FILE
    if heard and beside:
        atomic_write.write_atomic(folder / REPORT_AUDIO_FILE, heard.mp3)
    atomic_write.write_atomic(path, page.report_page(shown, heard, beside))
    if not beside:
        # Left by an earlier report.
        (folder / REPORT_AUDIO_FILE).unlink(missing_ok=True)
    return path


def recording_opener(
    log: CallLog | Results,
    paths: Sequence[Path],
    channels: tuple[int, int] | None,
    raw: RawFormat | None = None,
) -> Callable[[], RecordedCall] | None:
    """Return a function that opens the recording of a call, or None if there is none.

    It is called once the log's events were read.

    Parameters
    ----------
    log
        Results folder of a replay or a live call.
    paths
        The recording, or the agent's and the customer's; if empty, the recording that a live
        call saved beside its log, if any.
    channels
        Channels of agent and customer in a single file.
    raw
        What a recording without a header holds.
    """
    kept = log.path.with_name(AUDIO_FILE)
    if not paths and not kept.is_file():
        return None
    path = paths[0] if paths else kept
    speakers = log.facts.get("speakers") or SPEAKERS

    def open_recording() -> RecordedCall:
        log_hours = log.newest.at / SAMPLE_RATE / 3600 if log.newest else 0.0
        # A call that was long when it was replayed is read again.
        options = ReadOptions(raw, max(ReadOptions().max_hours, log_hours + 1))
        if len(paths) == 2:
            return RecordedCall.from_pair(paths[0], paths[1], options)
        if len(speakers) == 1:
            return RecordedCall.from_mono(path, Speaker(speakers[0]), options)
        return RecordedCall.from_stereo(
            path, channels or (0, 1), mapped=channels is not None, options=options
        )

    return open_recording


def _check_same_length(recording_s: float, log_s: float) -> None:
    if abs(recording_s - log_s) > MAX_LENGTH_DIFFERENCE_S:
        raise AudioFileError(
            f"the recording is {recording_s:.1f} s long, but the log's call is {log_s:.1f} s; "
            "name the recording of this call"
        )
