"""The report of a call: one HTML file in its folder that opens from disk and asks for nothing.

* `sound` makes of the recording what can be heard (an MP3) and what can be seen (its peaks).
* `voicecoach.views.report` makes of the events what is shown; here it becomes data in the page.
* `page` puts both, the scripts and the style into one file.

The page is strict with itself: nothing may be fetched, only the scripts and the style whose hashes
it names may run, and what was said is written as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from voicecoach.errors import AudioFileError
from voicecoach.shell.live.recorder import AUDIO_FILE
from voicecoach.shell.report import page, sound
from voicecoach.shell.results import writer
from voicecoach.shell.results.reader import Results
from voicecoach.shell.runtime import atomic_write
from voicecoach.shell.runtime.audio_files import RecordedCall
from voicecoach.types import SPEAKERS, Ended, Speaker
from voicecoach.views import report

REPORT_FILE, REPORT_AUDIO_FILE = "report.html", "report.mp3"
MAX_LENGTH_DIFFERENCE_S = 2.0
"""Seconds by which a recording and the log of its call may differ in length."""


def write_report(log: Results, open_call: Callable[[], RecordedCall] | None, audio: str) -> Path:
    """Write the report of a call beside its event log; return its path.

    Parameters
    ----------
    log
        Results folder of a replay or a live call.
    open_call
        Opens its recording; None where there is none: the report is then silent.
    audio
        Where the sound goes: `inline` is into the page, `beside` is a file of its own, `none` is
        nowhere; the waveform is drawn with each of them.

    Raises
    ------
    AudioFileError
        Where the recording cannot be used, or is of another call.
    JournalError
        Where the call's score card cannot be read.
    OutputError
        Where the report cannot be written.
    """
    folder = log.path.parent
    shown = report.make_report(log.facts, log.events, writer.read_score_card(folder))
    heard = sound.prepare_sound(open_call(), mp3=audio != "none") if open_call else None
    if heard and log.events and isinstance(log.events[-1], Ended):
        _check_same_length(heard.duration_s, shown.duration_s)
    beside = REPORT_AUDIO_FILE if heard and audio == "beside" else ""
    path = folder / REPORT_FILE
    if heard and beside:
        atomic_write.write_atomic(folder / REPORT_AUDIO_FILE, heard.mp3)
    atomic_write.write_atomic(path, page.report_page(shown, heard, beside))
    if not beside:
        # Of an earlier report.
        (folder / REPORT_AUDIO_FILE).unlink(missing_ok=True)
    return path


def recording_opener(
    log: Results, paths: Sequence[Path], channels: tuple[int, int] | None
) -> Callable[[], RecordedCall] | None:
    """Return what opens the recording of a call, None where there is none.

    Parameters
    ----------
    log
        Results folder of a replay or a live call.
    paths
        The recording, or the agent's and the customer's; where none is named, the one that a live
        call kept beside its log is taken, if it did.
    channels
        Who is on which channel of one file.
    """
    kept = log.path.with_name(AUDIO_FILE)
    if not paths and not kept.is_file():
        return None
    if len(paths) == 2:
        return partial(RecordedCall.from_pair, *paths)
    path = paths[0] if paths else kept
    speakers = log.facts.get("speakers") or SPEAKERS
    if len(speakers) == 1:
        return partial(RecordedCall.from_mono, path, Speaker(speakers[0]))
    return partial(RecordedCall.from_stereo, path, channels or (0, 1), mapped=channels is not None)


def _check_same_length(recording_s: float, log_s: float) -> None:
    if abs(recording_s - log_s) > MAX_LENGTH_DIFFERENCE_S:
        raise AudioFileError(
            f"the recording is {recording_s:.1f} s long and the call of the log {log_s:.1f} s: "
            f"name the recording of this call"
        )
