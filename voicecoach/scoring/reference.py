"""How scores come about, as a page: docs/scorecard.md."""

from __future__ import annotations

from voicecoach.scoring.rating import readable_formula
from voicecoach.scoring.styles import ACT_STYLE_WEIGHTS, MIN_STYLE_WEIGHT, STYLE_PLACES
from voicecoach.scoring.techniques import MAX_MISSED, MAX_SEEN, TECHNIQUES

_INTRODUCTION = """# The score card

Written by `voicecoach score --markdown` from voicecoach/scoring: do not edit.

`scorecard.json` and `scorecard.md` stand beside a call's log, written when the call ends;
`voicecoach score FOLDER` makes them anew from the log. They are for an agent and a trainer to
discuss a call, moment by moment. There is no total and no ranking: the techniques are fifteen
different things, and a call that gave no occasion for one has no score for it.

- A score is its formula, worked out from the text that is printed beside it, rounded to two
  decimals; `null` where there was no occasion, or where it cannot be known, and the formula says
  which.
- What is called for in an exchange of which a speaker was not heard (a channel that is not
  trusted, a pause of the listening, speech without words) is held against nobody. A channel that
  was not trusted for a fifth of the call, or that is swapped or a copy, scores nothing that rests
  on it.
- `seen` and `missed` are moments with their words, as the recogniser heard them; those with
  `measured` are what was measured. The card has {seen} and {missed} of each at most, those at which
  the customer was most agitated; the formula counts all.
- What the customer told and what the agent replied are the log's `account` and `reply` events, the
  ones that the cues go by.
- Where a cue goes by the same number (pace and voice against the usual, a minute on end, an
  outburst and the pause after it, apologies, how long a trouble or a demand is open) it is the
  rule's, and the page gives the value that ships. A call is scored by the rules that were loaded
  for it: the header of its log keeps the numbers.
- `practise` is one thing: the missed moment at which the customer was most agitated, with words
  that the cue of that technique offers.
- The customer's agitation is an estimate and counts from a confidence of 0.3. The agent's side is
  measurement against their own usual; the composite calmness is not used. With the privacy profile
  "eu" the card is the same, but `calm-delivery` is `usual-delivery`, "Pace and voice as usual".
- Ids stay.

## Techniques
"""

_STYLES = """
## The way of handling a conflict

From the customer's first trouble, complaint, demand or insult, or from where they first sound
upset, each of the agent's moves speaks for a style with a weight. The call's place on the plane of
Thomas and Kilmann is the mean of the moves' places, and the style named is the one with the most
weight. Under a weight of {enough:g} in all there is none. No style is good or bad in itself.
"""

_REST = """
"defence of you" is a defence that puts it on the customer: it speaks of "you".

## The customer's way through the call

Agitation at the start and at the end is the mean of the first 20 s and the last 10 s of their
speech that is known. The peak and the changes are of the mean over 5 s of speech, not over a pause.
A change is told from 0.25, where it leaves or reaches 0.5, up to where one as large turns it; of
these the 8 largest, each with the last moves, overlaps and cues from 15 s before it began until it
was there. That they came before does not say that they were the cause.

## What it is about

First what the customer told when the call began, and the first account of a trouble; then their
troubles, complaints of repetition, demands and insults, by what they are, how often they come back
to the same words, and the agitation while they were said.

## Sources

- Thomas, K. W. & Kilmann, R. H. (1974). *Thomas-Kilmann Conflict Mode Instrument*. Xicom.
- Thomas, K. W. (1976). Conflict and conflict management. In M. D. Dunnette (ed.), *Handbook of
  Industrial and Organizational Psychology*. Rand McNally.
- The techniques, and what calls for them, are those of the cues (docs/cues.md). Quality cards of
  contact centres ask for the same: to let the customer explain without interrupting, to say it back
  and ask, not to assume, to acknowledge and empathise, to say what can be done and by when, to sum
  up. See for example callcoachiq.com/resources/call-center-qa-checklist, anser.com/qa and
  turnella.com/contact-centre-quality-management. Unlike most of them this card has no weights and
  no total, and counts what was called for, not phrases.
"""


def scoring_markdown() -> str:
    """Return the page."""
    out = [_INTRODUCTION.format(seen=MAX_SEEN, missed=MAX_MISSED)]
    for t in TECHNIQUES:
        channels, words = (", ".join(who) or "nobody's" for who in (t.channels, t.words))
        out += [
            f"### `{t.id}`: {t.name}",
            "",
            t.doc,
            "",
            f"- score: `{readable_formula(t.formula)}`",
            f"- no score where {t.occasion}",
            f"- rests on the channel of: {channels}; needs the words of: {words}",
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
        "| move | " + " | ".join(STYLE_PLACES) + " |",
        "|---" * (len(STYLE_PLACES) + 1) + "|",
    ]
    for kind, weights in ACT_STYLE_WEIGHTS.items():
        cells = (f"{weights[s]:g}" if s in weights else "" for s in STYLE_PLACES)
        out.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join([*out, _REST.rstrip()]) + "\n"
