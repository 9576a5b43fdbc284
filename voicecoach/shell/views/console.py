"""The terminal view: draws the running call with rich.

It draws the newest snapshot at most `MAX_REDRAWS_PER_S` times a second; the engine never waits for
it.  Without a terminal it prints one line for each utterance and cue instead.
"""

from __future__ import annotations

import time

from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from voicecoach.estimates.calmness import notable_words
from voicecoach.shell.views.rich_text import safe_text
from voicecoach.text_safety.sanitize import printable, readable_text
from voicecoach.types.doubt import DOUBT_EXPLANATION, mark_doubtful
from voicecoach.types.events import (
    ChannelState,
    CueClosed,
    CueFeedback,
    CueOpened,
    Degraded,
    Delivery,
    DigitsShown,
    Event,
    Listening,
    NotUnderstood,
    PersonChanged,
    Utterance,
)
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker
from voicecoach.views.channel_text import describe_channel, short_state
from voicecoach.views.conversation import NOT_UNDERSTOOD_TEXT
from voicecoach.views.snapshot import Snapshot
from voicecoach.views.summary import count_text, format_samples

MAX_REDRAWS_PER_S = 10.0
"""Highest redraw rate, per second."""
SPEAKER_STYLE = {Speaker.AGENT: "cyan", Speaker.CUSTOMER: "magenta"}
BAR_CELLS = 20
"""Width of a bar, in character cells."""
WORD_ROWS = 10
CARD_ROWS = 4


class TerminalView:
    """Shows one call; a context manager.

    Parameters
    ----------
    console
        Where to draw.
    title
        Of the call.
    duration_s
        Its length, for the progress bar; None while it is not known.
    """

    def __init__(self, console: Console, title: str, duration_s: float | None) -> None:
        self._console, self._title, self._duration_s = console, title, duration_s
        self._snapshot = Snapshot()
        self._position = 0
        self._drawn = 0.0
        self._explained = False
        """Whether the mark of doubtful words was explained."""
        self._live = (
            Live(console=console, auto_refresh=False, transient=False)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> TerminalView:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self.render(), refresh=True)
            self._live.stop()

    def on_progress(self, position: int) -> None:
        """Record how much of the call has been processed, as a stream index."""
        self._position = position
        now = time.monotonic()
        if self._live and now - self._drawn >= 1.0 / MAX_REDRAWS_PER_S:
            self._drawn = now
            self._live.update(self.render(), refresh=True)

    def clear(self) -> None:
        """Clear what is shown of the finished call."""
        if self._live and self._snapshot.at:
            self._snapshot = Snapshot()
            self._live.update(self.render(), refresh=True)

    def on_event(self, event: Event) -> None:
        """Update the view with an event."""
        self._snapshot.add_event(event)
        if not self._live:
            if isinstance(event, Utterance) and event.doubtful and not self._explained:
                self._console.print(Text(DOUBT_EXPLANATION, "dim"))
                self._explained = True
            line = _event_line(event)
            if line:
                self._console.print(line, soft_wrap=True)

    def render(self) -> RenderableType:
        """Return what the screen should show now."""
        return Group(
            self._speakers(),
            Panel(
                self._words(),
                title="words",
                subtitle=DOUBT_EXPLANATION,
                border_style="dim",
                height=WORD_ROWS + 2,
            ),
            self._card(),
            self._progress(),
        )

    def _speakers(self) -> Panel:
        s = self._snapshot
        table = Table.grid(padding=(0, 2))
        table.add_column(width=10)
        table.add_column(width=13)
        table.add_column()
        for speaker in SPEAKERS:
            wrong = s.channels.get(speaker)
            state = "speaking" if s.speaking[speaker] else ""
            if wrong:
                state = short_state(wrong.state)
            who = Text(f"{'●' if s.speaking[speaker] else '○'} {speaker}", SPEAKER_STYLE[speaker])
            table.add_row(who, safe_text(state), self._signals(speaker))
        return Panel(table, title=safe_text(self._title), title_align="left", border_style="dim")

    def _signals(self, speaker: Speaker) -> Text:
        s = self._snapshot
        if speaker is Speaker.CUSTOMER:
            if s.tone is None:
                return Text("agitation: not known yet", "dim")
            text = Text("agitation ") + _value_bar(s.tone.agitation)
            text += Text(f"  {s.tone.confidence:4.0%} sure", "dim")
            why = printable(s.tone.evidence[0]) if s.tone.evidence else ""
            return text + Text(f"\n{why}", "dim")
        if s.delivery is None:
            return Text("delivery: not known yet", "dim")
        text = Text()
        if isinstance(s.delivery.calmness, float):
            text += Text("calmness  ") + _value_bar(s.delivery.calmness) + Text("  ")
        rate, usual = s.delivery.rate_syl_s, s.delivery.baseline_rate_syl_s
        if rate is not None:
            fast = "fast" in notable_words(s.delivery)
            text += Text("fast", "bold") if fast else Text("pace")
            text += Text(f" {rate:.1f} syl/s")
            text += Text(f" (usual {usual:.1f})" if usual else " (usual not known yet)", "dim")
        return text + Text("\n") + _delivery_text(s.delivery)

    def _words(self) -> Text:
        rows: list[Text] = []
        for line in sorted(self._snapshot.lines, key=lambda line: line.start):
            rows += self._wrapped(
                format_samples(line.start), line.speaker, Text(printable(line.marked_text))
            )
        for speaker in SPEAKERS:
            words = map(mark_doubtful, self._snapshot.partial_words(speaker))
            committed, tentative = map(printable, words)
            if committed or tentative:
                text = Text.assemble(f"{committed} ", (tentative, "dim italic"))
                rows += self._wrapped("", speaker, text)
        return Text("\n").join(rows[-WORD_ROWS:])

    def _wrapped(self, when: str, speaker: Speaker, text: Text) -> list[Text]:
        """Return a transcript line as rows, wrapped beside the speaker's name."""
        margin = Text.assemble(f"{when:>5} ", (f"{speaker:<8} ", SPEAKER_STYLE[speaker]))
        width = max(10, self._console.width - 4 - len(margin))
        rows = text.wrap(self._console, width)
        return [(Text(" " * len(margin)) if i else margin) + row for i, row in enumerate(rows)]

    def _card(self) -> Panel:
        cue = self._snapshot.cue
        if cue is None:
            return Panel(Text("no cue", "dim"), border_style="dim", height=CARD_ROWS + 2)
        body = Text.assemble((printable(cue.title), "bold"), f"\n{printable(cue.message)}")
        if cue.say:
            body.append(f"\n{_in_quotes(cue.say)}", "italic")
        return Panel(body, border_style="yellow", height=CARD_ROWS + 2)

    def _progress(self) -> RenderableType:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(ratio=1)
        table.add_column(justify="right")
        shown = self._snapshot.cues_shown
        cues = count_text(shown, "cue")
        if self._duration_s is None:
            state = "listening" if self._snapshot.listening else "paused: not listening"
            table.add_row(Text(state), Text(f"{format_samples(self._position)}   {cues}"))
        else:
            total = self._duration_s
            at = min(self._position / SAMPLE_RATE, total)
            bar = ProgressBar(total=max(total, 0.001), completed=at)
            length = format_samples(round(total * SAMPLE_RATE))
            text = f"{format_samples(self._position)} / {length}   {cues}"
            table.add_row(Align(bar, vertical="middle"), Text(text))
        if self._snapshot.degraded:
            table.add_row(safe_text(self._snapshot.degraded, "yellow"), "")
        return table


def print_to_console(console: Console, text: str, style: str = "") -> None:
    """Print a line unwrapped, escaping control characters such as those in a file's name."""
    console.print(safe_text(readable_text(text), style), soft_wrap=True)


def _value_bar(value: float) -> Text:
    """Return a 0..1 value as a bar with its number, so that colour is not the only sign."""
    filled = round(value * BAR_CELLS)
    return Text("█" * filled) + Text("░" * (BAR_CELLS - filled), "dim") + Text(f" {value:.2f}")


def _delivery_text(d: Delivery) -> Text:
    """Return the delivery signals; those notably above the baseline are named."""
    notable = notable_words(d)
    text = Text()
    for label, word, value, form in (
        ("level", "loud", d.level_db, "{:+.0f} dB  "),
        ("pitch", "high", d.f0_semitones, "{:+.0f} st  "),
        ("", "wide", d.f0_range_semitones, "{:+.0f} st  "),
        ("reply", "early", d.reply_gap_s, "{:.1f} s  "),
        ("share", "talking", d.talk_share, "{:.0%}  "),
        ("", "overlapping", d.overlaps_per_min, "{:.1f}/min  "),
    ):
        said = Text(word, "bold") if word in notable else Text(label, "dim")
        if said and value is not None:
            text += said + Text(" " + form.format(value), "dim")
    return text


def _in_quotes(say: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{printable(say)}\N{RIGHT DOUBLE QUOTATION MARK}"


def _utterance_line(line: Utterance) -> Text:
    return Text.assemble(
        f"{format_samples(line.start):>5} ",
        (f"{line.speaker:<8} ", SPEAKER_STYLE[line.speaker]),
        printable(line.marked_text),
    )


def _event_line(event: Event) -> Text | None:
    match event:
        case Utterance(text=text) if text:
            return _utterance_line(event)
        case NotUnderstood():
            start = f"{format_samples(event.start):>5} {event.speaker:<8} "
            return safe_text(f"{start}{NOT_UNDERSTOOD_TEXT}", "dim")
        case DigitsShown():
            start = f"{format_samples(event.at):>5} digits   "
            return safe_text(f"{start}{event.speaker}: {event.text} (no card number)", "dim")
        case CueOpened():
            text = f"{format_samples(event.at):>5} cue      {event.title}. {event.message}"
            return safe_text(f"{text} {_in_quotes(event.say)}" if event.say else text, "bold")
        case CueClosed():
            return safe_text(
                f"{format_samples(event.at):>5} cue off  {event.id}: {event.reason}", "dim"
            )
        case ChannelState():
            return safe_text(f"{format_samples(event.at):>5} channel  {describe_channel(event)}")
        case Listening():
            return Text(
                f"{format_samples(event.at):>5} {'listening' if event.on else 'paused'}", "dim"
            )
        case CueFeedback():
            verdict = "helpful" if event.helpful else "wrong"
            return Text(f"{format_samples(event.at):>5} marked   {event.id}: {verdict}", "dim")
        case PersonChanged():
            who = f"{event.speaker}: another person speaks ({event.person})"
            return Text(f"{format_samples(event.at):>5} person   {who}", "dim")
        case Degraded():
            return safe_text(
                f"{format_samples(event.at):>5} degraded {event.stage}: {event.reason}", "yellow"
            )
        case _:
            return None
