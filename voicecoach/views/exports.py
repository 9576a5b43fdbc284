"""Exports a call's log to formats of other tools: subtitles, phonetics, diarisation, tables.

Each function takes events and returns the text of a file.  Texts are escaped in each format; in one
without an escape (SRT), characters that would be markup are replaced.  `docs/exports.md` describes
the content of each format, with its reference.

Times stay samples until they are written, so intervals meet exactly and none is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from voicecoach.coaching.cue_spans import read_cue_spans
from voicecoach.text_safety.sanitize import clean_text
from voicecoach.types.doubt import DOUBT_EXPLANATION
from voicecoach.types.events import (
    CarefulUtterance,
    CueClosed,
    CueHeldBack,
    CueOpened,
    Ended,
    Event,
    Overlap,
    SpeechEnded,
    Utterance,
    Word,
    end_of_events,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, SPEAKERS, Speaker, to_seconds
from voicecoach.views.conversation import (
    CAREFUL_EXPLANATION,
    CONVERSATION_EVENTS,
    SpokenUtterance,
    conversation,
    readable_conversation,
)

MILLISECOND = SAMPLE_RATE // 1000
_EXPORTED = (
    *CONVERSATION_EVENTS,
    *(SpeechEnded, Overlap, CueOpened, CueClosed, CueHeldBack, Ended),
)
_SRT = str.maketrans({"<": "\u2039", ">": "\u203a", "{": "(", "}": ")"})
"""SubRip has no escape: these characters would be tags, arrows and overrides."""


class LabelledSpan(NamedTuple):
    """A labelled part of a call, in samples."""

    start: int
    end: int
    text: str


def exported_events(events: Iterable[Event]) -> list[Event]:
    """Return the events that exports use, and the latest one."""
    found: list[Event] = []
    latest, latest_used = None, True
    for event in events:
        used = event.final if isinstance(event, Word) else isinstance(event, _EXPORTED)
        if used:
            found.append(event)
        if latest is None or event.at > latest.at:
            latest, latest_used = event, used
    return [*found, latest] if latest and not latest_used else found


def vtt(events: Sequence[Event], call: str) -> str:
    """Return the transcript as WebVTT: a cue for each utterance, its speaker as the voice."""
    out = ["WEBVTT", "", f"NOTE {_escaped(call)}", ""]
    if any(isinstance(event, Utterance | CarefulUtterance) and event.doubtful for event in events):
        out += [f"NOTE {DOUBT_EXPLANATION}", ""]
    if any(isinstance(event, CarefulUtterance) for event in events):
        out += [f"NOTE {CAREFUL_EXPLANATION}", ""]
    for number, (span, speaker) in enumerate(_subtitle_lines(events), 1):
        out += [str(number), f"{_clock(span.start, '.')} --> {_clock(span.end, '.')}"]
        out += [f"<v {speaker}>{_escaped(span.text)}</v>", ""]
    return "\n".join(out)


def srt(events: Sequence[Event], call: str) -> str:
    """Return the transcript as SubRip, the speaker before the text."""
    out = []
    for number, (span, speaker) in enumerate(_subtitle_lines(events), 1):
        out += [str(number), f"{_clock(span.start, ',')} --> {_clock(span.end, ',')}"]
        out += [f"{speaker}: {_single_line(span.text).translate(_SRT)}", ""]
    return "\n".join(out)


def textgrid(events: Sequence[Event], call: str) -> str:
    """Return utterances, words, speech, overlaps and cues as a Praat TextGrid (long text)."""
    found = readable_conversation(events)
    tiers: dict[str, list[LabelledSpan]] = {}
    for s in SPEAKERS:
        tiers[f"{s} utterances"] = [
            LabelledSpan(u.start, u.end, u.marked_text) for u in found if u.speaker is s
        ]
    for s in SPEAKERS:
        tiers[f"{s} words"] = [
            LabelledSpan(w.start, w.end, w.text) for u in found if u.speaker is s for w in u.words
        ]
    for s in SPEAKERS:
        spoken = [e for e in events if isinstance(e, SpeechEnded) and e.speaker is s]
        tiers[f"{s} speech"] = [LabelledSpan(e.start, e.end, s) for e in spoken]
    both = [e for e in events if isinstance(e, Overlap)]
    tiers["overlaps"] = [
        LabelledSpan(e.start, e.end, f"{e.by}{' backchannel' if e.backchannel else ''}")
        for e in both
    ]
    tiers["cues"] = _cue_spans(events)
    held = [e for e in events if isinstance(e, CueHeldBack)]
    points = {"cues held back": [LabelledSpan(e.at, e.at, f"{e.id}: {e.reason}") for e in held]}
    end = max(
        [end_of_events(events), HOP, *(span.end for spans in tiers.values() for span in spans)]
    )
    out = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    out += ["xmin = 0", f"xmax = {_praat_seconds(end)}", "tiers? <exists>"]
    out += [f"size = {len(tiers) + len(points)}", "item []:"]
    number = 0
    for name, spans in tiers.items():
        number += 1
        parts = _contiguous(spans, end)
        out += _tier(number, "IntervalTier", name, end, "intervals", len(parts))
        for i, part in enumerate(parts, 1):
            out += [f"        intervals [{i}]:", f"            xmin = {_praat_seconds(part.start)}"]
            out += [f"            xmax = {_praat_seconds(part.end)}"]
            out += [f"            text = {_praat_string(part.text)}"]
    for name, spans in points.items():
        number += 1
        marks: dict[int, list[str]] = {}
        for span in sorted(spans):
            marks.setdefault(min(span.start, end), []).append(span.text)
        out += _tier(number, "TextTier", name, end, "points", len(marks))
        for i, (at, texts) in enumerate(marks.items(), 1):
            out += [f"        points [{i}]:", f"            number = {_praat_seconds(at)}"]
            out += [f"            mark = {_praat_string('; '.join(texts))}"]
    return "\n".join(out) + "\n"


def rttm(events: Sequence[Event], call: str) -> str:
    """Return who spoke when as RTTM: a SPEAKER line for each segment of speech."""
    file = "_".join(_single_line(call).split()) or "call"
    spoken = [e for e in events if isinstance(e, SpeechEnded) and e.end > e.start]
    return "".join(
        f"SPEAKER {file} {e.speaker.row + 1} {e.start / SAMPLE_RATE:.3f} "
        f"{(e.end - e.start) / SAMPLE_RATE:.3f} <NA> <NA> {e.speaker} <NA> <NA>\n"
        for e in sorted(spoken, key=lambda e: (e.start, e.speaker.row))
    )


def jsonl(events: Sequence[Event], call: str) -> str:
    """Return the transcript as JSON Lines: an utterance a line, with words and dialogue acts."""
    return "".join(
        msgspec.json.encode(_utterance_json(u, call)).decode() + "\n" for u in conversation(events)
    )


EXPORT_FORMATS: Mapping[str, Callable[[Sequence[Event], str], str]] = {
    "vtt": vtt,
    "srt": srt,
    "textgrid": textgrid,
    "rttm": rttm,
    "jsonl": jsonl,
}
"""Writers by format name: each takes a call's events and name, and returns the file's text."""
EXPORT_SUFFIXES = {name: f".{name}" for name in EXPORT_FORMATS} | {"textgrid": ".TextGrid"}
FORMATS_OF_WORDS = ("vtt", "srt", "jsonl")
"""Formats that are empty if there are no words."""


def _utterance_json(u: SpokenUtterance, call: str) -> dict[str, Any]:
    return {
        "call": call,
        "speaker": u.speaker,
        "start_s": to_seconds(u.start),
        "end_s": to_seconds(u.end),
        "text": u.text if u.understood else "",
        "understood": u.understood,
        "words": _words_json(u.words),
        "moves": [
            {
                "kind": m.kind,
                "start_s": to_seconds(m.start),
                "end_s": to_seconds(m.end),
                "text": m.text,
                "instead": m.instead,
            }
            for m in u.acts
        ],
        **({"careful": _careful_json(u.heard_again())} if u.careful else {}),
    }


def _careful_json(u: SpokenUtterance) -> dict[str, Any]:
    return {"text": u.text, "words": _words_json(u.words)}


def _words_json(words: Iterable[Word]) -> list[dict[str, Any]]:
    return [
        {
            "text": w.text,
            "start_s": to_seconds(w.start),
            "end_s": to_seconds(w.end),
            "probability": w.probability,
            "doubtful": w.doubtful,
        }
        for w in words
    ]


def _subtitle_lines(events: Iterable[Event]) -> list[tuple[LabelledSpan, Speaker]]:
    """Return the utterances with text, none shorter than a millisecond."""
    return [
        (LabelledSpan(u.start, max(u.end, u.start + MILLISECOND), u.marked_text), u.speaker)
        for u in readable_conversation(events)
        if _single_line(u.text)
    ]


def _cue_spans(events: Sequence[Event]) -> list[LabelledSpan]:
    """Return the cues on screen; one that never closes lasts to the end of the log."""
    end = max((event.at for event in events), default=0)
    return [
        LabelledSpan(cue.at, closed.at if closed else end, f"{cue.id}: {cue.message}")
        for cue, closed in read_cue_spans(events)
    ]


def _contiguous(spans: Iterable[LabelledSpan], end: int) -> list[LabelledSpan]:
    """Return spans that meet without a gap from 0 to `end`, none of them empty.

    A span that overlaps the one before begins after it; if no room is left, the texts are joined.
    """
    parts: list[LabelledSpan] = []
    now = 0
    for start, until, text in sorted(spans):
        first, last = max(start, now), min(until, end)
        if last <= first and parts:
            parts[-1] = parts[-1]._replace(text=f"{parts[-1].text} {text}".strip())
            continue
        last = max(last, first + 1)
        if first > now:
            parts.append(LabelledSpan(now, first, ""))
        parts.append(LabelledSpan(first, last, text))
        now = last
    if now < end:
        parts.append(LabelledSpan(now, end, ""))
    return parts


def _tier(number: int, kind: str, name: str, end: int, what: str, size: int) -> list[str]:
    return [
        f"    item [{number}]:",
        f'        class = "{kind}"',
        f"        name = {_praat_string(name)}",
        "        xmin = 0",
        f"        xmax = {_praat_seconds(end)}",
        f"        {what}: size = {size}",
    ]


def _single_line(text: str) -> str:
    """Return a text on one line."""
    return clean_text(text, len(text))


def _escaped(text: str) -> str:
    return _single_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _praat_string(text: str) -> str:
    doubled = _single_line(text).replace('"', '""')
    return f'"{doubled}"'


def _praat_seconds(samples: int) -> str:
    """Return seconds exact to the sample, without an exponent, which TextGrid readers reject."""
    return f"{samples / SAMPLE_RATE:.7f}".rstrip("0").rstrip(".")


def _clock(samples: int, point: str) -> str:
    whole, ms = divmod(samples // MILLISECOND, 1000)
    minutes, seconds = divmod(whole, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{point}{ms:03d}"
