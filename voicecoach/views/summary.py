"""Summarises a call from its events: figures, cues, what followed them, and the transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from voicecoach.coaching.cue_spans import CueSpan, CueSpanReader
from voicecoach.text_safety.sanitize import printable
from voicecoach.types.doubt import DOUBT_EXPLANATION, mark_doubtful, split_doubted
from voicecoach.types.events import (
    FIRST_PERSON,
    TONE_MIN_CONFIDENCE,
    Backchannel,
    CarefulUtterance,
    ChannelState,
    CueClosed,
    CueHeldBack,
    CueOpened,
    CueOutcome,
    Degraded,
    Delivery,
    DigitsShown,
    Ended,
    Event,
    Gap,
    NotUnderstood,
    Overlap,
    PersonChanged,
    SpeechEnded,
    Tone,
    Turn,
    Utterance,
)
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker, to_seconds
from voicecoach.views.channel_text import describe_channel, short_state
from voicecoach.views.columns import Column, doc, struct_columns
from voicecoach.views.conversation import CAREFUL_EXPLANATION, NOT_UNDERSTOOD_TEXT

MOST_CHANGES_TOLD = 4
"""Changes of people on a channel that the notes tell, with their times."""


class SpeakerSummary(msgspec.Struct):
    """One speaker; the descriptions go on from "the agent's" or "the customer's"."""

    speech_s: Annotated[float, doc("speech, seconds")] = 0.0
    talk_share: Annotated[float, doc("share of both speakers' speech, 0..1")] = 0.0
    turns: Annotated[int, doc("turns")] = 0
    overlaps_begun: Annotated[int, doc("interruptions: times they began while the other spoke")] = 0
    """Backchannels are not counted."""
    backchannels: Annotated[int, doc("backchannels")] = 0
    channel: Annotated[str, doc("channel at the end: `ok`, or what is wrong")] = "ok"


class CueSummary(msgspec.Struct):
    """A cue that was shown."""

    id: Annotated[str, doc("id of the cue")]
    title: Annotated[str, doc("title, as shown")]
    message: Annotated[str, doc("message, as shown")]
    opened_s: Annotated[float, doc("when it opened, seconds")]
    say: Annotated[str, doc("words that were offered, or empty")] = ""
    closed_s: Annotated[float | None, doc("when it closed, seconds")] = None
    closed_because: Annotated[str, doc("why it closed, or empty")] = ""


class OutcomeCounts(msgspec.Struct):
    """Figures of what followed moments of one kind."""

    moments: Annotated[int, doc("how many moments")] = 0
    heeded: Annotated[int, doc("after how many the agent did what the cue says within 10 s")] = 0
    known: Annotated[int, doc("of how many moments that is known")] = 0
    agitation_change: Annotated[
        float | None,
        doc("mean change of the customer's agitation from before to 20 to 30 s after, -1..1"),
    ] = None
    changes: Annotated[int, doc("how many moments that mean is of")] = 0


class CueEffect(msgspec.Struct):
    """What followed a cue when it was shown, and when it was due but not shown."""

    shown: OutcomeCounts = msgspec.field(default_factory=OutcomeCounts)
    held_back: OutcomeCounts = msgspec.field(default_factory=OutcomeCounts)
    """Held back by the limits on cues: late in a call, or soon after another."""
    held_out: OutcomeCounts = msgspec.field(default_factory=OutcomeCounts)
    """Held out by chance."""


class TranscriptLine(msgspec.Struct):
    """An utterance of the transcript."""

    speaker: Annotated[Speaker, doc("`agent` or `customer`")]
    start_s: Annotated[float, doc("when it begins, seconds")]
    end_s: Annotated[float, doc("when it ends, seconds")]
    text: Annotated[str, doc("what was said; digits that may be a card's are `#`")]
    doubtful: Annotated[
        list[int], doc("words of it that may be misheard, by place from 0, split at spaces")
    ] = []
    careful_text: Annotated[
        str | None, doc("what was said, heard again with more care; null if it was not")
    ] = None
    careful_doubtful: Annotated[list[int], doc("words of that which may be misheard")] = []

    @property
    def marked_text(self) -> str:
        """The words to read, the doubtful ones marked; heard again where they were."""
        if self.careful_text is not None:
            return mark_doubtful(split_doubted(self.careful_text, self.careful_doubtful))
        return mark_doubtful(split_doubted(self.text, self.doubtful))


class Summary(msgspec.Struct):
    """The summary of a call; what is unknown is null."""

    call: str
    duration_s: Annotated[float, doc("length, seconds")] = 0.0
    agent: SpeakerSummary = msgspec.field(default_factory=SpeakerSummary)
    customer: SpeakerSummary = msgspec.field(default_factory=SpeakerSummary)
    overlap_s: Annotated[float, doc("both spoke, seconds")] = 0.0
    longest_agent_turn_s: Annotated[float, doc("the agent's longest turn, seconds")] = 0.0
    agitation_mean: Annotated[
        float | None,
        doc("the customer's agitation, an estimate, 0..1: mean where confidence is at least 0.3"),
    ] = None
    agitation_peak: Annotated[float | None, doc("its highest, 0..1")] = None
    agitation_peak_s: Annotated[float | None, doc("when that was, seconds")] = None
    agitation_end: Annotated[float | None, doc("its last, 0..1")] = None
    agent_baseline_rate_syl_s: Annotated[
        float | None, doc("the agent's baseline of pace, syllables per second of speech")
    ] = None
    agent_baseline_reply_gap_s: Annotated[
        float | None, doc("the agent's baseline of the silence before a reply, seconds")
    ] = None
    agent_calmness_mean: Annotated[
        float | msgspec.UnsetType | None,
        doc("mean of the calmness formula, 0..1, 0.75 as usual; left out in profile `eu`"),
    ] = msgspec.UNSET
    cues: list[CueSummary] = []
    held_back: dict[str, Annotated[int, Meta(ge=1)]] = {}
    """Number of times cues were held back, by "id: reason"."""
    effects: dict[str, CueEffect] = {}
    """What followed each cue, by cue id."""
    transcript: list[TranscriptLine] = []
    notes: Annotated[list[str], doc("warnings about the recording or the run")] = []


def figure_columns() -> list[Column]:
    """Return the columns of a call's figures; a speaker's have the speaker as a prefix."""
    duration, *others = [c for c in struct_columns(Summary) if c.name not in ("call", "notes")]
    theirs = [
        c._replace(name=f"{who}_{c.name}", doc=f"the {who}'s {c.doc}")
        for who in SPEAKERS
        for c in struct_columns(SpeakerSummary)
    ]
    return [duration, *theirs, *others]


def flatten_summary(summary: Summary) -> dict[str, Any]:
    """Return a summary's fields by name, with the names of `figure_columns`."""
    row = msgspec.structs.asdict(summary)
    for who in SPEAKERS:
        row |= {f"{who}_{k}": v for k, v in msgspec.structs.asdict(row.pop(who)).items()}
    if summary.agent_calmness_mean is msgspec.UNSET:
        row["agent_calmness_mean"] = None
    return row


def _people_note(speaker: Speaker, changes: list[PersonChanged], *, alone: bool) -> str:
    """Return a note on the people on a channel; `alone` if nobody is on the other one."""
    if alone and any(change.person == FIRST_PERSON for change in changes):
        return (
            f"several people speak in turn on the {speaker}'s channel, and nobody on the other: if "
            "both sides are on one channel, these figures mix them; record each on its own"
        )
    told = [f"{format_samples(c.start)} (person {c.person})" for c in changes[:MOST_CHANGES_TOLD]]
    more = ", and so on" if len(changes) > MOST_CHANGES_TOLD else ""
    return f"another person speaks on the {speaker}'s channel from {', '.join(told)}{more}"


class Summarizer:
    """Builds a `Summary` from events as they come; keeps no more than the summary needs."""

    def __init__(self, call: str) -> None:
        self.summary = Summary(call=call)
        self._cue_spans = CueSpanReader()
        self._lines: dict[tuple[Speaker, int], TranscriptLine] = {}
        self._agitation = [0.0, 0]
        self._calmness = [0.0, 0]
        self._changes: dict[Speaker, list[PersonChanged]] = {s: [] for s in SPEAKERS}

    def add_event(self, event: Event) -> None:
        """Add an event."""
        s = self.summary
        match event:
            case SpeechEnded():
                self._speaker_summary(event.speaker).speech_s += to_seconds(event.end - event.start)
            case Turn():
                self._speaker_summary(event.speaker).turns += 1
                if event.speaker is Speaker.AGENT:
                    length = to_seconds(event.end - event.start)
                    s.longest_agent_turn_s = max(s.longest_agent_turn_s, length)
            case Overlap():
                s.overlap_s += to_seconds(event.end - event.start)
                self._speaker_summary(event.by).overlaps_begun += not event.backchannel
            case Backchannel():
                self._speaker_summary(event.speaker).backchannels += 1
            case Tone():
                self._add_tone(event)
            case Delivery():
                self._add_delivery(event)
            case CueOpened() | CueClosed():
                self._cue_spans.add_event(event)
            case CueHeldBack():
                key = f"{event.id}: {event.reason}"
                s.held_back[key] = s.held_back.get(key, 0) + 1
            case CueOutcome():
                self._add_outcome(event)
            case Utterance():
                if event.text:
                    line = TranscriptLine(
                        event.speaker,
                        to_seconds(event.start),
                        to_seconds(event.end),
                        event.text,
                        list(event.doubtful),
                    )
                    self._lines[event.speaker, event.utterance] = line
            case NotUnderstood():
                self._lines[event.speaker, event.utterance] = TranscriptLine(
                    event.speaker,
                    to_seconds(event.start),
                    to_seconds(event.end),
                    NOT_UNDERSTOOD_TEXT,
                )
            case CarefulUtterance():
                if said := self._lines.get((event.speaker, event.utterance)):
                    said.careful_text, said.careful_doubtful = event.text, [*event.doubtful]
            case DigitsShown():
                if said := self._lines.get((event.speaker, event.utterance)):
                    said.text = event.apply(said.text)
            case _:
                self._add_note(event)

    def finish(self) -> Summary:
        """Return the summary of all events added."""
        s = self.summary
        total = s.agent.speech_s + s.customer.speech_s
        for who in (s.agent, s.customer):
            who.talk_share = who.speech_s / total if total else 0.0
        for speaker, changes in self._changes.items():
            if changes:
                alone = self._speaker_summary(speaker.other).speech_s == 0.0
                s.notes.append(_people_note(speaker, changes, alone=alone))
        s.cues = [_cue_summary(span) for span in self._cue_spans.spans]
        s.transcript = sorted(
            self._lines.values(), key=lambda line: (line.start_s, line.speaker.row)
        )
        return s

    def _add_note(self, event: Event) -> None:
        s = self.summary
        match event:
            case ChannelState():
                self._speaker_summary(event.speaker).channel = event.state
                if event.state != "ok":
                    note = f"{describe_channel(event)} (from {format_samples(event.at)})"
                    if note not in s.notes:
                        s.notes.append(note)
            case Degraded():
                note = f"{event.stage}: {event.reason}"
                if note not in s.notes:
                    s.notes.append(note)
            case PersonChanged():
                self._changes[event.speaker].append(event)
            case Gap():
                s.notes.append(
                    f"{to_seconds(event.end - event.start):.1f} s missing at "
                    f"{format_samples(event.at)}"
                )
            case Ended():
                s.duration_s = to_seconds(event.end)
            case _:
                pass

    def _add_tone(self, event: Tone) -> None:
        if event.confidence < TONE_MIN_CONFIDENCE:
            return
        s, value = self.summary, event.agitation
        self._agitation = [self._agitation[0] + value, self._agitation[1] + 1]
        s.agitation_mean, s.agitation_end = self._agitation[0] / self._agitation[1], value
        if s.agitation_peak is None or value > s.agitation_peak:
            s.agitation_peak, s.agitation_peak_s = value, to_seconds(event.at)

    def _add_outcome(self, event: CueOutcome) -> None:
        effect = self.summary.effects.setdefault(event.id, CueEffect())
        unshown = effect.held_out if event.reason == "holdout" else effect.held_back
        followed = effect.shown if event.shown else unshown
        followed.moments += 1
        if event.heeded is not None:
            followed.known += 1
            followed.heeded += event.heeded
        if event.agitation_before is not None and event.agitation_after is not None:
            change = event.agitation_after - event.agitation_before
            total = (followed.agitation_change or 0.0) * followed.changes + change
            followed.changes += 1
            followed.agitation_change = total / followed.changes

    def _add_delivery(self, event: Delivery) -> None:
        s = self.summary
        s.agent_baseline_rate_syl_s = event.baseline_rate_syl_s
        s.agent_baseline_reply_gap_s = event.baseline_reply_gap_s
        if isinstance(event.calmness, float):
            self._calmness = [self._calmness[0] + event.calmness, self._calmness[1] + 1]
            s.agent_calmness_mean = self._calmness[0] / self._calmness[1]
        elif event.calmness is None and s.agent_calmness_mean is msgspec.UNSET:
            s.agent_calmness_mean = None

    def _speaker_summary(self, speaker: Speaker) -> SpeakerSummary:
        return self.summary.agent if speaker is Speaker.AGENT else self.summary.customer


def _cue_summary(span: CueSpan) -> CueSummary:
    cue, closed = span
    return CueSummary(
        id=cue.id,
        title=cue.title,
        message=cue.message,
        opened_s=to_seconds(cue.at),
        say=cue.say,
        closed_s=to_seconds(closed.at) if closed else None,
        closed_because=closed.reason if closed else "",
    )


def summarize_events(call: str, events: Iterable[Event]) -> Summary:
    """Return the summary of a call's events."""
    summarizer = Summarizer(call)
    for event in events:
        summarizer.add_event(event)
    return summarizer.finish()


def summary_markdown(summary: Summary) -> str:
    """Return the summary as a Markdown page."""
    s = summary
    out = [
        f"# {escape_markdown(s.call)}",
        "",
        f"Length {format_samples(round(s.duration_s * SAMPLE_RATE))}.",
        "",
    ]
    if s.notes:
        out += ["## Warnings", "", *(f"- {escape_markdown(note)}" for note in s.notes), ""]
    out += ["## Cues", ""]
    for cue in s.cues:
        closed = "" if cue.closed_s is None else f", {cue.closed_s - cue.opened_s:.1f} s"
        out.append(
            f"- **{format_seconds(cue.opened_s)} {escape_markdown(cue.title)}**{closed} "
            f"({escape_markdown(cue.closed_because)}). {escape_markdown(cue.message)}"
            + (f" *{escape_markdown(cue.say)}*" if cue.say else "")
        )
    out += [] if s.cues else ["None."]
    if s.held_back:
        held = ", ".join(f"{escape_markdown(k)} ({n})" for k, n in sorted(s.held_back.items()))
        out += ["", f"Held back: {held}."]
    if s.effects:
        out += ["", *_effects_table(s)]
    out += ["", "## Numbers", "", "| | agent | customer |", "|---|---|---|"]
    a, c = s.agent, s.customer
    channels = [escape_markdown(short_state(who.channel)) for who in (a, c)]
    out += [
        f"| speech | {a.speech_s:.0f} s | {c.speech_s:.0f} s |",
        f"| share of talk | {a.talk_share:.0%} | {c.talk_share:.0%} |",
        f"| turns | {a.turns} | {c.turns} |",
        f"| interruptions | {a.overlaps_begun} | {c.overlaps_begun} |",
        f"| backchannels | {a.backchannels} | {c.backchannels} |",
        f"| channel | {' | '.join(channels)} |",
        "",
        f"- Both spoke at once for {s.overlap_s:.1f} s; the agent's longest turn took "
        f"{s.longest_agent_turn_s:.0f} s.",
    ]
    if s.agitation_mean is not None and s.agitation_peak is not None:
        out.append(
            f"- Customer's agitation (an estimate, 0 to 1): mean {s.agitation_mean:.2f}, highest "
            f"{s.agitation_peak:.2f} at {format_seconds(s.agitation_peak_s or 0.0)}, at the end "
            f"{s.agitation_end:.2f}."
        )
    if s.agent_baseline_rate_syl_s is not None:
        out.append(f"- Agent's usual pace: {s.agent_baseline_rate_syl_s:.1f} syllables a second.")
    if s.agent_baseline_reply_gap_s is not None:
        out.append(f"- Agent's usual silence before a reply: {s.agent_baseline_reply_gap_s:.1f} s.")
    if isinstance(s.agent_calmness_mean, float):
        out.append(
            f"- Agent's delivery by the calmness formula, mean: {s.agent_calmness_mean:.2f} "
            f"(0.75 is the agent's usual)."
        )
    if s.transcript:
        out += ["", "## Transcript", ""]
        if any(line.doubtful or line.careful_doubtful for line in s.transcript):
            out += [f"{DOUBT_EXPLANATION}.", ""]
        if any(line.careful_text is not None for line in s.transcript):
            out += [CAREFUL_EXPLANATION, ""]
        for line in s.transcript:
            if words := escape_markdown(line.marked_text):
                out.append(f"- `{format_seconds(line.start_s)}` **{line.speaker}** {words}")
    return "\n".join(out) + "\n"


def _effects_table(s: Summary) -> list[str]:
    out = ["## What followed", ""]
    out += ["| cue | | moments | heeded within 10 s | agitation, 30 s later |"]
    out += ["|---|---|---|---|---|"]
    for id, effect in sorted(s.effects.items()):
        for name, f in (
            ("shown", effect.shown),
            ("due, held back", effect.held_back),
            ("due, held out by chance", effect.held_out),
        ):
            heeded = f"{f.heeded} of {f.known}" if f.known else "not known"
            change = "not known" if f.agitation_change is None else f"{f.agitation_change:+.2f}"
            if f.moments:
                out.append(
                    f"| {escape_markdown(id)} | {name} | {f.moments} | {heeded} | {change} |"
                )
    out += [
        "",
        "One call proves nothing: agitation falls after every outburst, with or without a cue.",
    ]
    return out


def format_samples(samples: int) -> str:
    """Return a stream index as minutes and seconds."""
    return format_seconds(samples / SAMPLE_RATE)


def format_seconds(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where needed."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def escape_markdown(text: str) -> str:
    """Return a text with Markdown's special characters escaped."""
    return "".join(f"\\{ch}" if ch in "\\`*_[]<>#|&~" else ch for ch in printable(text))
