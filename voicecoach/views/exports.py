"""A call's log in the formats that other tools read: subtitles, phonetics, diarisation, tables.

Pure: events in, the text of a file out.  Text is text in each of them, whatever is in it: where a
format has an escape it is used, where it has none (SRT) what would be markup is written otherwise.
`docs/exports.md` says what is in each, and by which reference.

Times stay samples until they are written, so intervals meet exactly and none is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from voicecoach.text_safety.sanitize import clean
from voicecoach.types import (
    HOP,
    SAMPLE_RATE,
    SPEAKERS,
    CueClosed,
    CueHeldBack,
    CueOpened,
    Ended,
    Event,
    Move,
    Overlap,
    Speaker,
    SpeechEnded,
    Utterance,
    Word,
)

MILLISECOND = SAMPLE_RATE // 1000
_SRT = str.maketrans({"<": "\u2039", ">": "\u203a", "{": "(", "}": ")"})
"""SubRip has no escape: these would be tags, arrows and overrides."""


class Span(NamedTuple):
    """A labelled part of a call, in samples."""

    start: int
    end: int
    text: str


class Said(NamedTuple):
    """An utterance with what is in it."""

    speaker: Speaker
    start: int
    end: int
    text: str
    words: list[Word]
    moves: list[Move]


def said(events: Iterable[Event]) -> list[Said]:
    """Return the final utterances of a call, in the order of their beginnings."""
    words: dict[tuple[Speaker, int], dict[int, Word]] = {}
    utterances: list[Utterance] = []
    moves: list[Move] = []
    for event in events:
        if isinstance(event, Word):
            words.setdefault((event.speaker, event.utterance), {})[event.index] = event
        elif isinstance(event, Utterance):
            utterances.append(event)
        elif isinstance(event, Move):
            moves.append(event)
    found = []
    for u in sorted(utterances, key=lambda u: (u.start, u.speaker.row)):
        own = words.get((u.speaker, u.utterance), {})
        heard = [own[i] for i in sorted(own) if i < u.words and own[i].text]
        found.append(Said(u.speaker, u.start, u.end, u.text, heard, []))
    for move in moves:
        theirs = [s for s in found if s.speaker is move.speaker]
        if theirs:
            min(theirs, key=lambda s: _apart(s, move)).moves.append(move)
    return found


def vtt(events: Sequence[Event], call: str) -> str:
    """Return the transcript as WebVTT: a cue for each utterance, its speaker as the voice."""
    out = ["WEBVTT", "", f"NOTE {_escaped(call)}", ""]
    for number, (span, speaker) in enumerate(_lines(events), 1):
        out += [str(number), f"{_clock(span.start, '.')} --> {_clock(span.end, '.')}"]
        out += [f"<v {speaker}>{_escaped(span.text)}</v>", ""]
    return "\n".join(out)


def srt(events: Sequence[Event], call: str) -> str:
    """Return the transcript as SubRip, the speaker before the text."""
    out = []
    for number, (span, speaker) in enumerate(_lines(events), 1):
        out += [str(number), f"{_clock(span.start, ',')} --> {_clock(span.end, ',')}"]
        out += [f"{speaker}: {_line(span.text).translate(_SRT)}", ""]
    return "\n".join(out)


def textgrid(events: Sequence[Event], call: str) -> str:
    """Return utterances, words, speech, overlaps and cues as a Praat TextGrid (long text)."""
    found = said(events)
    tiers: dict[str, list[Span]] = {}
    for s in SPEAKERS:
        tiers[f"{s} utterances"] = [Span(u.start, u.end, u.text) for u in found if u.speaker is s]
    for s in SPEAKERS:
        tiers[f"{s} words"] = [
            Span(w.start, w.end, w.text) for u in found if u.speaker is s for w in u.words
        ]
    for s in SPEAKERS:
        spoken = [e for e in events if isinstance(e, SpeechEnded) and e.speaker is s]
        tiers[f"{s} speech"] = [Span(e.start, e.end, s) for e in spoken]
    both = [e for e in events if isinstance(e, Overlap)]
    tiers["overlaps"] = [
        Span(e.start, e.end, f"{e.by}{' backchannel' if e.backchannel else ''}") for e in both
    ]
    tiers["cues"] = _cards(events)
    held = [e for e in events if isinstance(e, CueHeldBack)]
    points = {"cues held back": [Span(e.at, e.at, f"{e.id}: {e.reason}") for e in held]}
    end = max([_end(events), HOP, *(span.end for spans in tiers.values() for span in spans)])
    out = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    out += ["xmin = 0", f"xmax = {_plain(end)}", "tiers? <exists>"]
    out += [f"size = {len(tiers) + len(points)}", "item []:"]
    number = 0
    for name, spans in tiers.items():
        number += 1
        parts = _contiguous(spans, end)
        out += _tier(number, "IntervalTier", name, end, "intervals", len(parts))
        for i, part in enumerate(parts, 1):
            out += [f"        intervals [{i}]:", f"            xmin = {_plain(part.start)}"]
            out += [f"            xmax = {_plain(part.end)}"]
            out += [f"            text = {_quoted(part.text)}"]
    for name, spans in points.items():
        number += 1
        marks: dict[int, list[str]] = {}
        for span in sorted(spans):
            marks.setdefault(min(span.start, end), []).append(span.text)
        out += _tier(number, "TextTier", name, end, "points", len(marks))
        for i, (at, texts) in enumerate(marks.items(), 1):
            out += [f"        points [{i}]:", f"            number = {_plain(at)}"]
            out += [f"            mark = {_quoted('; '.join(texts))}"]
    return "\n".join(out) + "\n"


def rttm(events: Sequence[Event], call: str) -> str:
    """Return who spoke when as RTTM: a SPEAKER line for each segment of speech."""
    file = "_".join(_line(call).split()) or "call"
    spoken = [e for e in events if isinstance(e, SpeechEnded) and e.end > e.start]
    return "".join(
        f"SPEAKER {file} {e.speaker.row + 1} {e.start / SAMPLE_RATE:.3f} "
        f"{(e.end - e.start) / SAMPLE_RATE:.3f} <NA> <NA> {e.speaker} <NA> <NA>\n"
        for e in sorted(spoken, key=lambda e: (e.start, e.speaker.row))
    )


def jsonl(events: Sequence[Event], call: str) -> str:
    """Return the transcript as JSON Lines: an utterance a line, with its words and moves."""
    return "".join(msgspec.json.encode(_facts(u, call)).decode() + "\n" for u in said(events))


FORMATS: Mapping[str, Callable[[Sequence[Event], str], str]] = {
    "vtt": vtt,
    "srt": srt,
    "textgrid": textgrid,
    "rttm": rttm,
    "jsonl": jsonl,
}
"""By name: the events of a call and its name to the text of a file."""
SUFFIXES = {name: f".{name}" for name in FORMATS} | {"textgrid": ".TextGrid"}
WORDS = ("vtt", "srt", "jsonl")
"""Those that hold nothing where there are no words."""


def _facts(u: Said, call: str) -> dict[str, Any]:
    return {
        "call": call,
        "speaker": u.speaker,
        "start_s": _seconds(u.start),
        "end_s": _seconds(u.end),
        "text": u.text,
        "words": [
            {
                "text": w.text,
                "start_s": _seconds(w.start),
                "end_s": _seconds(w.end),
                "probability": w.probability,
            }
            for w in u.words
        ],
        "moves": [
            {
                "kind": m.kind,
                "start_s": _seconds(m.start),
                "end_s": _seconds(m.end),
                "text": m.text,
                "instead": m.instead,
            }
            for m in u.moves
        ],
    }


def _lines(events: Iterable[Event]) -> list[tuple[Span, Speaker]]:
    """Return the utterances that say something, none shorter than a millisecond."""
    return [
        (Span(u.start, max(u.end, u.start + MILLISECOND), u.text), u.speaker)
        for u in said(events)
        if _line(u.text)
    ]


def _cards(events: Iterable[Event]) -> list[Span]:
    """Return the cues on screen; one that the log does not see closed lasts to its end."""
    cards = []
    card: CueOpened | None = None
    last = 0
    for event in events:
        last = max(last, event.at)
        if isinstance(event, CueOpened):
            card = event
        elif isinstance(event, CueClosed) and card:
            cards.append(Span(card.at, event.at, f"{card.id}: {card.message}"))
            card = None
    if card:
        cards.append(Span(card.at, last, f"{card.id}: {card.message}"))
    return cards


def _contiguous(spans: Iterable[Span], end: int) -> list[Span]:
    """Return spans that meet without a gap from 0 to `end`, none of them empty.

    What overlaps the one before begins after it; what finds no room there is said with it.
    """
    parts: list[Span] = []
    now = 0
    for start, until, text in sorted(spans):
        first, last = max(start, now), min(until, end)
        if last <= first and parts:
            parts[-1] = parts[-1]._replace(text=f"{parts[-1].text} {text}".strip())
            continue
        last = max(last, first + 1)
        if first > now:
            parts.append(Span(now, first, ""))
        parts.append(Span(first, last, text))
        now = last
    if now < end:
        parts.append(Span(now, end, ""))
    return parts


def _tier(number: int, kind: str, name: str, end: int, what: str, size: int) -> list[str]:
    return [
        f"    item [{number}]:",
        f'        class = "{kind}"',
        f"        name = {_quoted(name)}",
        "        xmin = 0",
        f"        xmax = {_plain(end)}",
        f"        {what}: size = {size}",
    ]


def _apart(u: Said, move: Move) -> int:
    """Return how far a move lies outside an utterance."""
    return max(u.start - move.start, move.end - u.end, 0)


def _end(events: Iterable[Event]) -> int:
    return max((e.end if isinstance(e, Ended) else e.at for e in events), default=0)


def _line(text: str) -> str:
    """Return a text on one line, whole."""
    return clean(text, len(text))


def _escaped(text: str) -> str:
    return _line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    doubled = _line(text).replace('"', '""')
    return f'"{doubled}"'


def _seconds(samples: int) -> float:
    return samples / SAMPLE_RATE


def _plain(samples: int) -> str:
    """Return seconds to the sample, without an exponent, which readers of TextGrids do not know."""
    return f"{samples / SAMPLE_RATE:.7f}".rstrip("0").rstrip(".")


def _clock(samples: int, point: str) -> str:
    whole, ms = divmod(samples // MILLISECOND, 1000)
    minutes, seconds = divmod(whole, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{point}{ms:03d}"
