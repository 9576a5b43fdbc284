"""Writes docs/scorecard.md, the reference of techniques and formulas."""

from __future__ import annotations

from voicecoach.scoring.rating import readable_formula
from voicecoach.scoring.styles import ACT_STYLE_WEIGHTS, MIN_STYLE_WEIGHT, STYLE_PLACES
from voicecoach.scoring.techniques import MAX_MISSED, MAX_SEEN, TECHNIQUES

_INTRODUCTION = """# The score card

Written by `voicecoach score --markdown` from voicecoach/scoring: do not edit.

voicecoach writes `scorecard.json` and `scorecard.md` beside a call's log when the call ends;
`voicecoach score FOLDER` writes them again from the log. An agent and a trainer use them to discuss
a call, moment by moment. There is no total and no ranking: the fifteen techniques measure different
things, and a call that gave no occasion for a technique has no score for it.

- A score is the value of the formula printed beside it, rounded to two decimals. It is `null` if
  there was no occasion or it cannot be known; the formula says which.
- An exchange in which a speaker was not heard (a distrusted channel, a pause in listening, speech
  without words) counts against nobody. A technique is not scored if it needs a channel that was
  distrusted for a fifth of the call, or that is swapped or a copy.
- `seen` and `missed` are moments with their words, as the transcriber gave them, with `…` in place
  of those that may be misheard. Moments marked `measured` give measurements instead, or "words too
  unclear to quote" where more than half may be misheard. The card shows at most {seen} seen and
  {missed} missed moments of each technique, those with the most agitated customer; the formula
  counts all.
- What the customer said and what the agent replied are the log's `account` and `reply` events, as
  the cues use them.
- Thresholds that a cue uses as well (pace and voice against the baseline, a minute without a
  question, an outburst and the pause after it, apologies, how long a problem or a demand stays
  open) are those of the cue's rule; this page gives the built-in values. A call is scored with the
  rules that were loaded for it: the header of its log has the numbers.
- `practise` is one thing: the missed moment with the most agitated customer, with words that the
  technique's cue offers.
- The customer's agitation is an estimate and counts from a confidence of 0.3. The agent's side is
  measured against their own baseline; the composite calmness is not used. With the privacy profile
  "eu" the card is the same, but `calm-delivery` is called `usual-delivery`, "Pace and voice as
  usual".
- Technique ids do not change.

## Techniques
"""

_STYLES = """
## Conflict style

From the customer's first problem, complaint, demand or insult, or from when they first sound upset,
each of the agent's dialogue acts counts towards styles by the weights below. The call's place on
the plane of Thomas and Kilmann is the weighted mean of the styles' places, and the style named is
the one with the most weight. With a total weight under {enough:g} no style is named. No style is
good or bad in itself.
"""

_REST = """
"defence of you" is a defence that blames the customer: it says "you".

## How the customer's agitation changed

Agitation at the start and at the end is the mean over the first 20 s and the last 10 s of the
customer's speech in which it is known. The peak and the changes are computed on the mean over 5 s
of speech, never across a pause. A change is listed if it is 0.25 or more and leaves or reaches 0.5;
it ends where a change as large begins in the other direction. The 8 largest are listed, each with
the last dialogue acts, interruptions and cues from 15 s before it began until it was complete. That
something came before a change does not mean that it caused it.

## Reason for the call

First what the customer said when the call began and the first time they described a problem; then
their problems, complaints of repetition, demands and insults, ordered by kind, how often they come
back to the same words, and the agitation while they were said.

## Sources

- Thomas, K. W. & Kilmann, R. H. (1974). *Thomas-Kilmann Conflict Mode Instrument*. Xicom.
- Thomas, K. W. (1976). Conflict and conflict management. In M. D. Dunnette (ed.), *Handbook of
  Industrial and Organizational Psychology*. Rand McNally.
- The techniques, and when they are due, are those of the cues (docs/cues.md). Quality cards of
  contact centres ask for the same: let the customer explain without interrupting, paraphrase and
  ask, do not assume, acknowledge and empathise, say what can be done and by when, sum up. See for
  example callcoachiq.com/resources/call-center-qa-checklist, anser.com/qa and
  turnella.com/contact-centre-quality-management. Unlike most of them, this card has no weights and
  no total, and counts what was due, not phrases.
"""


def scoring_markdown() -> str:
    """Return the page as Markdown."""
    out = [_INTRODUCTION.format(seen=MAX_SEEN, missed=MAX_MISSED)]
    for t in TECHNIQUES:
        channels, words = (", ".join(who) or "nobody's" for who in (t.channels, t.words))
        out += [
            f"### `{t.id}`: {t.name}",
            "",
            t.doc,
            "",
            f"- score: `{readable_formula(t.formula)}`",
            f"- no score if {t.occasion}",
            f"- needs the channel of: {channels}; needs the words of: {words}",
            f"- to practise: {t.advice}",
            "",
        ]
    out += [_STYLES.format(enough=MIN_STYLE_WEIGHT).strip(), ""]
    out += ["| style | assertiveness | cooperativeness |", "|---|---|---|"]
    out += [
        f"| {s} | {p.assertiveness:g} | {p.cooperativeness:g} |" for s, p in STYLE_PLACES.items()
    ]
    out += [
        "",
        "| dialogue act | " + " | ".join(STYLE_PLACES) + " |",
        "|---" * (len(STYLE_PLACES) + 1) + "|",
    ]
    for kind, weights in ACT_STYLE_WEIGHTS.items():
        cells = (f"{weights[s]:g}" if s in weights else "" for s in STYLE_PLACES)
        out.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join([*out, _REST.rstrip()]) + "\n"
