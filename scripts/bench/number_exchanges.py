"""Make exchanges of a telephone call with card numbers, security codes and ordinary numbers.

    python -m scripts.bench.number_exchanges [--count 2000] [--seed 1] [--examples 30] [--out FILE]

The exchanges are written without a look at the rules that mask cards.  The same seed makes the same
exchanges, and the first ones stay the same when the count grows.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Literal, TypedDict

from scripts.bench import number_wordings as wordings
from scripts.bench.number_speech import (
    FACTS,
    MONTHS,
    SAYINGS,
    Fact,
    card_number,
    layout,
    mishear_name,
    mishear_words,
    one_by_one,
    pairs,
)

Who = Literal["agent", "customer"]
Kind = Literal["card", "cvv", "keep"]
Say = Callable[[str], str]
AGENT: Who = "agent"
CUSTOMER: Who = "customer"
MOST_TURNS = 16
KINDS: dict[Kind, float] = {"card": 0.5, "cvv": 0.15, "keep": 0.35}
"""Shares of the kinds: a card's number, a security code, and what must stay as it is."""


class Turn(TypedDict):
    """An utterance: `after_s` seconds after the one before."""

    speaker: Who
    text: str
    after_s: float


class Run(TypedDict):
    """Digits of a card or a code in a turn's text, from `start` up to `end`, as they were heard."""

    turn: int
    start: int
    end: int
    of: Literal["card", "cvv"]
    digits: str


class Exchange(TypedDict):
    """An exchange, in the format of the reported ones, with what a scorer needs besides.

    `runs` says where the digits to mask are, said wrongly or again included; `stays` lists the
    turns that hold none of them, nor an expiry date; `traits` says what the case is made of.
    """

    name: str
    kind: Kind
    number: str
    turns: list[Turn]
    runs: list[Run]
    stays: list[int]
    traits: list[str]


MARK = re.compile("\ue000(card|cvv|date):([0-9]*)\ue001(.*?)\ue002")


def mark(text: str, of: str, digits: str) -> str:
    """Return the text of digits between marks, which `Script.exchange` takes out."""
    return f"\ue000{of}:{digits}\ue001{text}\ue002"


class Script:
    """What is said in an exchange, turn by turn."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.turns: list[tuple[Who, str]] = []
        self.traits: list[str] = []
        low, high = rng.choice(((0.0, 1.5), (0.0, 1.5), (0.5, 4.0), (3.0, 15.0), (12.0, 40.0)))
        self.pauses = low, high
        self.traits.append(f"pauses to {high:g} s")

    def say(self, speaker: Who, text: str) -> None:
        """Add a turn."""
        self.turns.append((speaker, " ".join(text.split())))

    def exchange(self, kind: Kind, number: str) -> Exchange:
        """Return the exchange, with the marks made into runs."""
        turns: list[Turn] = []
        runs: list[Run] = []
        stays = []
        for i, (speaker, marked) in enumerate(self.turns):
            text, at = "", 0
            for found in MARK.finditer(marked):
                text += marked[at : found.start()]
                at = found.end()
                if found[1] != "date":
                    end = len(text) + len(found[3])
                    of: Literal["card", "cvv"] = "card" if found[1] == "card" else "cvv"
                    runs.append(Run(turn=i, start=len(text), end=end, of=of, digits=found[2]))
                text += found[3]
            text += marked[at:]
            after = round(self.rng.uniform(*self.pauses), 1) if i else 0.0
            turns.append(Turn(speaker=speaker, text=text, after_s=after))
            if at == 0:
                stays.append(i)
        return Exchange(
            name=", ".join(self.traits),
            kind=kind,
            number=number,
            turns=turns,
            runs=runs,
            stays=stays,
            traits=self.traits,
        )


def wrong(rng: Random, group: str) -> str:
    """Return the group with one digit changed."""
    at = rng.randrange(len(group))
    return group[:at] + str((int(group[at]) + rng.randrange(1, 10)) % 10) + group[at + 1 :]


# How they are said.


def speaker(rng: Random, of: str, traits: list[str], *, misheard: bool = False) -> Say:
    """Return a way of saying groups of digits, which is marked as a card's or a code's."""
    way = rng.choice(tuple(SAYINGS))
    traits.append(way.removesuffix(" again"))

    def say(group: str) -> str:
        before, text, after = SAYINGS[way](rng, group)
        text = mishear_words(rng, text) if misheard else text
        return before + mark(text, of, group) + after

    return say


def joined(rng: Random, said: Sequence[str], filler: str, *, sizes: Sequence[int] = ()) -> str:
    """Return the groups in one utterance, with fillers of a style between them."""
    text = said[0]
    comma = rng.choice((" ", " ", ", ", ". ", " - ", "... "))
    for i, part in enumerate(said[1:], 1):
        match filler:
            case "none":
                between = comma
            case "counted":
                last = i == len(said) - 1
                word = wordings.NUMBERS.get(sizes[i], "ones") if sizes else "ones"
                lead = rng.choice(wordings.LAST if last else wordings.NEXT)
                between = f" {lead.format(n=word)} "
            case "chat":
                between = (
                    f" {rng.choice(wordings.CHAT)} " if rng.random() < 1.5 / len(said) else comma
                )
            case _:
                between = f" {rng.choice(wordings.FILLERS)} " if rng.random() < 0.7 else comma
        text += between + part
    if filler == "counted" and sizes:
        text = f"the first {wordings.NUMBERS.get(sizes[0], 'ones')} are {text}"
    return text


class Reading:
    """A card number that is about to be read out: its groups, and how its speaker says them."""

    def __init__(self, script: Script, groups: list[str], say: Say) -> None:
        self.script, self.rng, self.groups, self.say = script, script.rng, groups, say
        counted = "counted" if len(min(groups, key=len)) > 1 else "short"
        self.filler = self.rng.choice(("none", "none", "short", "short", counted, "chat"))
        self.opening = ""
        script.traits.append(f"fillers {self.filler}")

    def text(self, groups: Sequence[str]) -> str:
        """Return the groups in one utterance."""
        said = [self.say(group) for group in groups]
        sizes = [len(group) for group in groups] if len(groups) > 2 else ()
        return joined(self.rng, said, self.filler, sizes=sizes)

    def chunks(self, most: int) -> list[list[str]]:
        """Return the groups of each utterance, of 2 to `most` utterances where there are two."""
        count = min(self.rng.randint(2, most), len(self.groups))
        cuts = sorted(self.rng.sample(range(1, len(self.groups)), count - 1))
        edges = zip([0, *cuts], [*cuts, len(self.groups)], strict=True)
        return [self.groups[a:b] for a, b in edges]

    def customer(self, text: str) -> None:
        """Let the customer say it, after what they announced the number with."""
        self.script.say(CUSTOMER, f"{self.opening} {text}")
        self.opening = ""

    def agent(self, text: str) -> None:
        """Let the agent say it."""
        self.script.say(AGENT, text)


def alone(r: Reading) -> None:
    """Let the customer say it in one go."""
    r.customer(r.text(r.groups))


def spread(r: Reading) -> None:
    """Let the customer say it in several utterances, and nobody a word between."""
    for chunk in r.chunks(13):
        after = f" {r.rng.choice(wordings.FILLERS)}" if r.rng.random() < 0.2 else ""
        r.customer(r.text(chunk) + after)


def backchannels(r: Reading) -> None:
    """Let the agent say "mhm" after each part."""
    for chunk in r.chunks(6):
        r.customer(r.text(chunk))
        r.agent(r.rng.choice(wordings.BACKCHANNELS))


def asked_for_parts(r: Reading) -> None:
    """Let the agent ask for each next part."""
    for i, chunk in enumerate(r.chunks(6)):
        if i:
            r.agent(r.rng.choice(wordings.GO_ON))
        r.customer(r.text(chunk))


def repeated(r: Reading) -> None:
    """Let the agent repeat each part."""
    for chunk in r.chunks(6):
        r.customer(r.text(chunk))
        r.agent(r.rng.choice(wordings.ECHOES).format(r.text(chunk)))


def repeated_wrongly(r: Reading) -> None:
    """Let the agent repeat each part, one of them wrongly, and the customer correct it."""
    chunks = r.chunks(4)
    at = r.rng.randrange(len(chunks))
    for i, chunk in enumerate(chunks):
        r.customer(r.text(chunk))
        if i == at:
            *others, last = chunk
            r.agent(r.rng.choice(wordings.ECHOES).format(r.text([*others, wrong(r.rng, last)])))
            r.customer(r.rng.choice(wordings.CORRECTIONS).format(r.say(last)))
        r.agent(r.rng.choice(wordings.ECHOES).format(r.text(chunk)))


def read_back(r: Reading) -> None:
    """Let the agent read the whole of it back, in another way."""
    alone(r) if r.rng.random() < 0.6 else spread(r)
    if len(r.script.turns) < MOST_TURNS - 3:
        r.say = speaker(r.rng, "card", r.script.traits)
        r.agent(r.rng.choice(wordings.READ_BACK).format(r.text(r.groups)))
        r.customer(r.rng.choice(wordings.CONFIRMED))


def agent_alone(r: Reading) -> None:
    """Let the agent read a card that is on file."""
    chunks = r.chunks(4) if r.rng.random() < 0.6 else [r.groups]
    for i, chunk in enumerate(chunks):
        frame = r.rng.choice(wordings.ON_FILE) if i == 0 else "{}"
        r.agent(frame.format(r.text(chunk)))
        if r.rng.random() < 0.5:
            r.customer(r.rng.choice(wordings.BACKCHANNELS))
    r.customer(r.rng.choice(wordings.CONFIRMED))


def agent_begins(r: Reading) -> None:
    """Let the agent read the first part, the customer the rest."""
    first, *others = r.chunks(3)
    r.agent(r.rng.choice(wordings.BEGINS).format(r.text(first)))
    for chunk in others:
        r.customer(r.text(chunk))


def agent_completes(r: Reading) -> None:
    """Let the customer read the first part, the agent the rest."""
    *others, last = r.chunks(4)
    for chunk in others:
        r.customer(r.text(chunk))
    r.agent(r.rng.choice(wordings.COMPLETES).format(r.text(last)))


def ending_known(r: Reading) -> None:
    """Let the agent say the end, then the customer what comes before it."""
    *others, last = r.chunks(3)
    r.agent(r.rng.choice(wordings.ENDING).format(r.text(last)))
    for chunk in others:
        r.customer(r.text(chunk))


def in_turns(r: Reading) -> None:
    """Let the customer and the agent read by turns."""
    for i, chunk in enumerate(r.chunks(8)):
        if i % 2:
            r.agent(r.text(chunk))
        else:
            r.customer(r.text(chunk))


def started_again(r: Reading) -> None:
    """Let the customer begin, lose the place, and start from the beginning."""
    first = r.chunks(3)[0]
    again = r.rng.choice(wordings.AGAIN)
    if r.rng.random() < 0.5:
        r.customer(f"{r.text(first)} {again} {r.text(r.groups)}")
    else:
        r.customer(r.text(first))
        r.agent(r.rng.choice(wordings.LOST))
        r.customer(f"{again} {r.text(r.groups)}")


def corrected(r: Reading) -> None:
    """Let the customer say a group wrongly, or doubt a right one, and correct it at once."""
    at = r.rng.randrange(len(r.groups))
    right, slip = r.say(r.groups[at]), r.say(wrong(r.rng, r.groups[at]))
    frame = r.rng.choice(wordings.SELF_CORRECTIONS)
    said = [r.say(group) for group in r.groups]
    said[at] = frame.format(right=right, slip=slip)
    r.customer(joined(r.rng, said, r.filler))


def said_twice(r: Reading) -> None:
    """Let the customer say a part again, unasked or because the agent asks for it."""
    chunks = r.chunks(4)
    at = r.rng.randrange(len(chunks))
    for i, chunk in enumerate(chunks):
        r.customer(r.text(chunk))
        if i == at and r.rng.random() < 0.5:
            r.agent(r.rng.choice(wordings.PARDON))
        if i == at:
            r.customer(r.rng.choice(wordings.REPEATS).format(r.text(chunk)))


def chatted(r: Reading) -> None:
    """Let somebody chat between the parts."""
    chunks = r.chunks(5)
    for chunk in chunks[:-1]:
        r.customer(r.text(chunk))
        chat = r.rng.choice(wordings.CHAT)
        if r.rng.random() < 0.6:
            r.customer(chat)
            r.agent(r.rng.choice(wordings.PATIENT))
        else:
            r.agent(r.rng.choice(wordings.AGENT_CHAT))
    r.customer(r.text(chunks[-1]))


ALONE = (alone, alone, alone, corrected, started_again)
AGENT_FIRST = (agent_alone, agent_begins, ending_known)
SHAPES: tuple[Callable[[Reading], None], ...] = (
    spread,
    backchannels,
    asked_for_parts,
    repeated,
    repeated_wrongly,
    read_back,
    agent_alone,
    agent_begins,
    agent_completes,
    ending_known,
    in_turns,
    said_twice,
    chatted,
    spread,
)


def card_exchange(rng: Random) -> Exchange:
    """Return an exchange in which a card's number is said."""
    script = Script(rng)
    network, number = card_number(rng)
    script.traits += [network, f"{len(number)} digits"]
    heard, misheard = number, rng.random() < 0.15
    lost = rng.choice((0, 1, 1, 2, 3)) if misheard else 0
    for at in sorted(rng.sample(range(len(number)), lost), reverse=True):
        heard = heard[:at] + heard[at + 1 :]
    script.traits += ["misheard"] * misheard + ["digits lost"] * bool(lost)
    say = speaker(rng, "card", script.traits, misheard=misheard)
    reading = Reading(script, layout(rng, heard), say)
    shape = rng.choice((*ALONE, *SHAPES) if len(reading.groups) > 1 else (alone, read_back))
    if shape is read_back and len(reading.groups) == 1:
        shape = alone
    script.traits.append(shape.__name__.replace("_", " "))
    asked = rng.choice(("asked", "asked", "announced", "unasked"))
    if asked == "announced" and shape in AGENT_FIRST:
        asked = "unasked"
    script.traits.append(asked)
    hear = (lambda text: mishear_name(rng, text)) if misheard else (lambda text: text)
    if rng.random() < 0.15:
        script.traits.append("ordinary number before")
        play(script, rng.choice([f for f in wordings.ORDINARY if f.count("|") < 2]), {})
    if asked == "asked":
        script.say(AGENT, hear(rng.choice(wordings.ASKS)))
    elif asked == "announced":
        name = rng.choice((network, "card", "debit card", "credit card"))
        reading.opening = hear(rng.choice(wordings.ANNOUNCED).format(card=name))
    shape(reading)
    afterwards(script)
    return script.exchange("card", number)


def afterwards(script: Script) -> None:
    """Add what comes after a card's number now and then: the expiry date, or an ordinary number."""
    if len(script.turns) > MOST_TURNS - 2:
        return
    rng = script.rng
    chance = rng.random()
    if chance < 0.2:
        script.traits.append("expiry date")
        script.say(AGENT, rng.choice(wordings.EXPIRY_ASKS))
        script.say(CUSTOMER, expiry(rng))
    elif chance < 0.4:
        script.traits.append("ordinary number after")
        play(script, rng.choice(wordings.AFTER), {})
    elif chance < 0.6:
        script.say(AGENT, rng.choice(wordings.DONE))


def expiry(rng: Random) -> str:
    """Return an expiry date, marked: it is neither the card's number nor what must stay."""
    month, year = f"{rng.randint(1, 12):02}", str(rng.randint(26, 33))
    said = (
        f"{month}/{year}",
        f"{month} {year}",
        f"{one_by_one(rng, month)} {pairs(rng, year)}",
        f"{pairs(rng, month)} {pairs(rng, year)}",
        f"{MONTHS[int(month) - 1]} 20{year}",
        f"{MONTHS[int(month) - 1]} twenty {pairs(rng, year)}",
    )
    return mark(rng.choice(said), "date", month + year)


def play(script: Script, frame: str, said: dict[str, Fact]) -> None:
    """Add the turns of a frame: `a text | c text`, with slots for facts or ready texts."""
    for line in frame.split("|"):
        who, text = line.strip().split(" ", 1)

        def fill(slot: re.Match[str]) -> str:
            name = slot[1]
            if name not in said:
                said[name] = FACTS[name.rstrip("0123456789")](script.rng)
            return said[name][1]()

        script.say(AGENT if who == "a" else CUSTOMER, re.sub(r"\{(\w+)\}", fill, text))


def code_exchange(rng: Random) -> Exchange:
    """Return an exchange in which a security code is said."""
    script = Script(rng)
    code = "".join(str(rng.randrange(10)) for _ in range(rng.choice((3, 3, 3, 4))))
    script.traits.append(f"{len(code)} digits")
    say = speaker(rng, "cvv", script.traits)
    card_way = speaker(rng, "card", [])
    groups = layout(rng, card_number(rng)[1])
    frame = plain = rng.choice(wordings.CODES)
    if rng.random() < 0.2:
        frame = " | ".join(mishear_name(rng, line.strip()) for line in plain.split("|"))
    script.traits += ["misheard"] * (frame != plain)

    def gap() -> str:
        gaps = (*wordings.FILLERS, *wordings.SEARCHING)
        return " ".join(rng.sample(gaps, rng.choice((0, 0, 1, 1, 2))))

    ready: dict[str, Fact] = {
        "cvv": (code, lambda: say(code)),
        "gap": ("", gap),
        "n": ("", lambda: wordings.NUMBERS[len(code)]),
        "expiry": ("", lambda: expiry(rng)),
        "card": ("", lambda: joined(rng, [card_way(group) for group in groups], "none")),
        "longgap": ("", lambda: rng.choice(wordings.CHAT)),
    }
    turn = next(line for line in plain.split("|") if "{cvv}" in line)
    named = re.search(r"CVV|CVC|CID|\bcode|digit|back|last|security|reverse|verification", turn)
    script.traits.append("named in its turn" if named else "named before")
    play(script, frame, ready)
    return script.exchange("cvv", code)


def ordinary_exchange(rng: Random) -> Exchange:
    """Return an exchange whose numbers are no card's, all of which must stay."""
    script = Script(rng)
    said: dict[str, Fact] = {}
    count = rng.choice((1, 1, 1, 2, 2, 3))
    for frame in rng.sample(wordings.ORDINARY, count):
        again = {name: said[name] for name in said if rng.random() < 0.2}
        play(script, frame, again)
        said.update(again)
    names = sorted({name.rstrip("0123456789") for name in said}) or ["idiom"]
    script.traits += names
    numbers = {digits for digits, _ in said.values()}
    return script.exchange("keep", numbers.pop() if len(numbers) == 1 else "")


MAKERS: dict[Kind, Callable[[Random], Exchange]] = {
    "card": card_exchange,
    "cvv": code_exchange,
    "keep": ordinary_exchange,
}


def exchanges(count: int = 2000, seed: int = 1) -> list[Exchange]:
    """Return `count` exchanges of all kinds; a seed makes the same ones wherever it runs."""
    made = []
    for i in range(count):
        rng = Random(f"exchange {seed} {i}")
        kind = rng.choices(tuple(KINDS), tuple(KINDS.values()))[0]
        exchange = MAKERS[kind](rng)
        exchange["name"] = f"{i}: {exchange['name']}"
        made.append(exchange)
    return made


# What a recogniser shows while somebody speaks.


def partials(text: str, rng: Random) -> list[str]:
    """Return the growing texts of an utterance, with revisions; the last is `text`."""
    words = text.split()
    shown: list[str] = []
    for i, word in enumerate(words):
        before = words[:i]
        chance = rng.random()
        figures = sum(c.isdigit() for c in word) > 2
        if figures and chance < 0.5:
            shown.append(" ".join([*before, word[: rng.randrange(1, len(word))]]))
        elif chance < 0.12:
            guesses = wordings.GUESSES.get(word.lower().strip(",.")) or (word[:-1], "the", "and")
            shown.append(" ".join([*before, rng.choice(guesses)]).rstrip())
        elif chance < 0.15 and i > 1:
            shown.append(" ".join(before[:-1]))
        elif chance < 0.3:
            continue  # two words come at once
        shown.append(" ".join([*before, word]))
    return [partial for partial, _ in groupby([*filter(None, shown), text])]


def exchange_partials(exchange: Exchange, seed: int = 1) -> list[list[str]]:
    """Return the partial texts of each turn of an exchange."""
    rng = Random(f"partials {seed} {exchange['name']}")
    return [partials(turn["text"], rng) for turn in exchange["turns"]]


def shown(exchange: Exchange) -> str:
    """Return an exchange in a few lines to read."""
    lines = [f"[{exchange['kind']} {exchange['number'] or '-'}] {exchange['name']}"]
    lines += [f"    {t['after_s']:4} {t['speaker'][0]}: {t['text']}" for t in exchange["turns"]]
    return "\n".join(lines)


def main() -> None:
    """Print how many there are of each kind and some examples, and write them if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=2000, help="exchanges to make (default: 2000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the exchanges (default: 1)")
    parser.add_argument("--examples", type=int, default=30, help="examples printed (default: 30)")
    parser.add_argument("--out", type=Path, help="JSON file to write the exchanges to")
    args = parser.parse_args()
    made = exchanges(args.count, args.seed)
    if args.out:
        args.out.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for exchange in Random(args.seed).sample(made, min(args.examples, len(made))):
        print(shown(exchange))
    print(dict(Counter(exchange["kind"] for exchange in made)))


if __name__ == "__main__":
    main()
