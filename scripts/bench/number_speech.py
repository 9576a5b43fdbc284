"""Say digits as people do, and write them as recognisers do.

A saying takes digits and returns what is stuck before them, the digits, and what is stuck after.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from random import Random

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ZEROS = ("oh", "oh", "zero", "zero", "nought", "o")
SOUNDS_LIKE = {
    "one": "won",
    "two": "to too",
    "three": "tree",
    "four": "for",
    "five": "fife",
    "eight": "ate",
    "nine": "niner",
    "zero": "oh",
    "nought": "oh",
    "o": "oh",
}
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

Saying = Callable[[Random, str], tuple[str, str, str]]


def luhn_digit(body: str) -> str:
    """Return the digit that makes the digits before it pass Luhn's check."""
    doubled = sum(sum(divmod(2 * int(d), 10)) for d in body[::-2])
    return str(-(doubled + sum(int(d) for d in body[-2::-2])) % 10)


def ordinal(number: int) -> str:
    """Return a number in figures as an ordinal: 1st, 22nd, 113th."""
    last = "th" if 10 <= number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{last}"


def cardinal(number: int, link: str = " and ") -> str:
    """Return a number below a million in words, with `link` before what is below a hundred."""
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        text = f"{cardinal(thousands, link)} thousand"
        return text + (f"{link if rest < 100 else ' '}{cardinal(rest, link)}" if rest else "")
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return f"{DIGITS[hundreds]} hundred" + (f"{link}{cardinal(rest)}" if rest else "")
    if number >= 20:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f" {DIGITS[ones]}" if ones else "")
    return DIGITS[number] if number < 10 else TEENS[number - 10]


def one_by_one(rng: Random, digits: str, *, bunches: bool | None = None) -> str:
    """Return digits one by one: "four double five oh"."""
    zero, three = rng.choice(ZEROS), rng.choice(("triple", "treble"))
    bunches = rng.random() < 0.6 if bunches is None else bunches
    names = {2: "double", 3: three, 4: "quadruple"}
    said = []
    for found in re.finditer(r"(\d)\1{0,3}" if bunches else r"\d", digits):
        digit, size = found[0][0], len(found[0])
        word = zero if digit == "0" else DIGITS[int(digit)]
        said.append(f"{names[size]} {word}" if size > 1 else word)
    return " ".join(said)


def pairs(rng: Random, digits: str) -> str:
    """Return digits two by two: "forty-five oh three fourteen"; the odd one is said first."""
    if len(digits) % 2:
        rest = pairs(rng, digits[1:]) if digits[1:] else ""
        return f"{one_by_one(rng, digits[0])} {rest}".rstrip()
    hyphen = rng.choice((" ", " ", "-"))
    said = []
    for a, b in zip(digits[::2], digits[1::2], strict=True):
        if a == "0":
            said.append(one_by_one(rng, a + b))
        else:
            said.append(cardinal(int(a + b)).replace(" ", hyphen))
    return " ".join(said)


def threes(rng: Random, digits: str) -> str:
    """Return digits in hundreds, as far as they go: "four hundred and fifty-three nine"."""
    said = []
    for found in re.finditer(r"[1-9]\d\d|\d+?(?=[1-9]\d\d)|\d+", digits):
        short = found[0][0] == "0" or len(found[0]) != 3
        link = rng.choice((" and ", " "))
        said.append(one_by_one(rng, found[0]) if short else cardinal(int(found[0]), link))
    return " ".join(said)


def thousands(rng: Random, digits: str) -> str:
    """Return digits in hundreds and thousands where they are round, or else in pairs."""
    if len(digits) == 4 and re.fullmatch(r"\d[1-9]00", digits) and digits[0] != "0":
        return f"{cardinal(int(digits[:2]))} hundred"
    if 4 <= len(digits) <= 6 and digits[0] != "0" and rng.random() < 0.7:
        return cardinal(int(digits), rng.choice((" and ", " ")))
    return threes(rng, digits) if len(digits) == 3 else pairs(rng, digits)


def homophones(rng: Random, digits: str) -> str:
    """Return digits as words that sound like them: "for fife tree niner"."""
    likely = rng.choice((0.4, 0.9))
    said = []
    for word in one_by_one(rng, digits).split():
        other = SOUNDS_LIKE.get(word, word).split()
        said.append(rng.choice(other) if rng.random() < likely else word)
    return " ".join(said)


def partly(rng: Random, digits: str) -> str:
    """Return digits partly as figures, partly as words: "4 five 39 fourteen"."""
    said = []
    while digits:
        size = rng.choice((1, 1, 1, 2))
        part, digits = digits[:size], digits[size:]
        word = pairs if len(part) == 2 else one_by_one
        said.append(part if rng.random() < 0.5 else word(rng, part))
    return " ".join(said)


def pieces(rng: Random, digits: str, sizes: Sequence[int], separators: Sequence[str]) -> str:
    """Return figures in pieces of a size, with one of the separators between."""
    size, between = rng.choice(sizes), rng.choice(separators)
    return between.join(digits[i : i + size] for i in range(0, len(digits), size))


def clock_or_date(rng: Random, digits: str) -> str:
    """Return digits as a recogniser writes times and dates: "45:39", "45/39", "April 5th, 39"."""
    if len(digits) > 1 and digits[0] in "123456789" and digits[1] != "0" and rng.random() < 0.5:
        day = rng.choice((ordinal(int(digits[1])), digits[1]))
        rest = rng.choice((", ", " ")) + digits[2:] if digits[2:] else ""
        return f"{MONTHS[int(digits[0]) - 1]} {day}{rest}"
    return pieces(rng, digits, (2,), (":", "/", "-", "."))


def money(rng: Random, digits: str) -> str:
    """Return digits as a recogniser writes amounts: "$45.39", "£4539", "45%", "$4,539"."""
    sign = rng.choice(("$", "$", "£", "€", ""))
    if len(digits) < 3:
        return f"{digits}%" if not sign or rng.random() < 0.3 else sign + digits
    body = rng.choice((f"{digits[:-2]}.{digits[-2:]}", commas(digits), digits))
    return sign + body


def commas(digits: str) -> str:
    """Return digits with a comma before each three: "4,539", "0,343"."""
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", digits)


def decorated(rng: Random, digits: str) -> tuple[str, str, str]:
    """Return figures with something stuck to them: "#4539", "4539th", "its4539", "(4539)"."""
    word = rng.choice(("its", "and", "then", "x", "is"))
    after = rng.choice(("and", "okay", "th", "s", "%", "."))
    before, behind = rng.choice(
        (("#", ""), ("", "th"), (word, ""), ("", after), ("(", ")"), ("'", "'"), ("no.", ""))
    )
    return before, digits, behind


def _plain(say: Callable[[Random, str], str]) -> Saying:
    """Return the saying of digits to which nothing is stuck."""
    return lambda rng, digits: ("", say(rng, digits), "")


def _decorated(rng: Random, digits: str) -> tuple[str, str, str]:
    return decorated(rng, digits)


def _any(rng: Random, digits: str) -> tuple[str, str, str]:
    """Say it in any of the ways: each group is said in another."""
    return SAYINGS[rng.choice([way for way in SAYINGS if way != "mixed"])](rng, digits)


SAYINGS: dict[str, Saying] = {
    "digit words": _plain(one_by_one),
    "single words": _plain(lambda rng, d: one_by_one(rng, d, bunches=False)),
    "words with commas": _plain(
        lambda rng, d: one_by_one(rng, d, bunches=False).replace(" ", rng.choice((", ", ". ", "-")))
    ),
    "pairs": _plain(pairs),
    "pairs again": _plain(pairs),
    "hundreds": _plain(threes),
    "thousands": _plain(thousands),
    "homophones": _plain(homophones),
    "figures": _plain(lambda rng, d: d),
    "figures again": _plain(lambda rng, d: d),
    "single figures": _plain(lambda rng, d: pieces(rng, d, (1,), (" ", " ", ", ", "-", ". "))),
    "figures in pieces": _plain(lambda rng, d: pieces(rng, d, (2, 2, 3), (" ", ", ", "-", "."))),
    "partly figures": _plain(partly),
    "money": _plain(money),
    "dates": _plain(clock_or_date),
    "commas": _plain(lambda rng, d: commas(d)),
    "decorated": _decorated,
    "mixed": _any,
}
"""The ways of saying or writing a group of digits."""

NAMES_MISHEARD = (
    ("CVV", ("CBB", "C V V", "see the vee", "CVB", "seavy v")),
    ("CVC", ("C V C", "CBC", "sea vc")),
    ("CID", ("C I D", "kid")),
    ("card", ("car", "car", "car", "cord", "cart", "guard")),
    ("Visa", ("visor", "these are", "vizza")),
    ("Mastercard", ("master car", "masters card")),
    ("security code", ("security cold", "security coat", "security goad", "secure to code")),
    ("expiry", ("expire E", "the spiry")),
    ("digits", ("did gits", "digit")),
)
"""How recognisers mishear what numbers are called."""


def mishear_name(rng: Random, text: str) -> str:
    """Return the text with one of the names in it misheard, where there is one."""
    there = [(name, to) for name, to in NAMES_MISHEARD if re.search(rf"(?<!{{)\b{name}\b", text)]
    if not there:
        return text
    name, heard = rng.choice(there)
    return re.sub(rf"(?<!{{)\b{name}\b", rng.choice(heard), text, count=1)


def mishear_words(rng: Random, text: str) -> str:
    """Return said digits with number words split, or joined to each other."""
    chance = rng.random()
    if chance < 0.25:
        return re.sub(r"\b(for|four|six|seven|eigh|nine)(ty|teen)\b", r"\1 \2", text)
    if chance < 0.4 and re.fullmatch(r"[a-z ]+", text):
        return text.replace(" ", "", 1)
    return text


# Card numbers.

NETWORKS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "Visa": (("4",), (16, 16, 16, 13, 19)),
    "Mastercard": (("51", "52", "53", "54", "55", "2221", "2345", "2500", "2720"), (16,)),
    "American Express": (("34", "37"), (15,)),
    "Discover": (("6011", "644", "649", "65"), (16, 16, 19)),
    "Diners Club": (("300", "305", "36", "38"), (14, 14, 16, 19)),
    "JCB": (("3528", "3540", "3589"), (16, 16, 17, 18, 19)),
    "UnionPay": (("62",), (16, 17, 18, 19)),
    "Maestro": (("5018", "5020", "5038", "6304", "6759", "6761"), (13, 14, 15, 16, 18, 19)),
    "RuPay": (("508", "817", "82"), (16,)),
    "Mir": (("2200", "2204"), (16, 17, 18, 19)),
    "Troy": (("9792",), (16,)),
    "Verve": (("506099", "650002"), (16, 18, 19)),
    "UATP": (("1",), (15,)),
}
"""First digits and lengths of the card networks."""
COMMON = ("Visa", "Visa", "Mastercard", "Mastercard", "American Express")
LAYOUTS = {
    14: ((4, 6, 4), (4, 4, 4, 2), (7, 7), (2,) * 7),
    15: ((4, 6, 5), (4, 6, 5), (5, 5, 5), (3,) * 5, (4, 4, 4, 3)),
    16: ((4,) * 4, (4,) * 4, (4,) * 4, (2,) * 8, (6, 4, 6), (8, 8), (3, 3, 3, 3, 4), (4, 6, 6)),
    19: ((4, 4, 4, 4, 3), (6, 13), (4, 5, 5, 5)),
}


def card_number(rng: Random) -> tuple[str, str]:
    """Return a network's name and a number of it, of 13 to 19 digits, that passes Luhn's check."""
    network = rng.choice(COMMON if rng.random() < 0.5 else tuple(NETWORKS))
    prefixes, lengths = NETWORKS[network]
    body, length = rng.choice(prefixes), rng.choice(lengths)
    while len(body) < length - 1:
        again = rng.random() < 0.2  # so that there is something to say "double" of
        body += body[-1] if again else str(rng.randrange(10))
    return network, body + luhn_digit(body)


def layout(rng: Random, digits: str) -> list[str]:
    """Return the digits in the groups in which they are said."""
    sizes: Sequence[int]
    chance = rng.random()
    if chance < 0.06:
        sizes = (len(digits),)
    elif chance < 0.12:
        sizes = (1,) * len(digits)
    elif chance < 0.25 or len(digits) not in LAYOUTS:
        sizes = [rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6)) for _ in digits]
    else:
        sizes = rng.choice(LAYOUTS[len(digits)])
    groups = []
    for size in sizes:
        groups.append(digits[:size])
        digits = digits[size:]
    return [group for group in (*groups, digits) if group]


# Ordinary numbers: a fact is its digits, and a function that says it, not always the same way.

Fact = tuple[str, Callable[[], str]]


def _digits(rng: Random, count: int, first: str = "123456789") -> str:
    return rng.choice(first) + "".join(rng.choice(string.digits) for _ in range(count - 1))


def _groups(rng: Random, *groups: str) -> Fact:
    """Return a number that is said in these groups."""
    ways = [way for way in SAYINGS if way not in ("homophones", "money", "dates", "decorated")]
    way = rng.choice([*ways, "figures", "figures", "single words", "digit words"])

    def say() -> str:
        said = ["".join(SAYINGS[way](rng, group)) for group in groups]
        return rng.choice((" ", " ", ", ", "-" if way == "figures" else " ")).join(said)

    return "".join(groups), say


def _number(low: int, high: int) -> Callable[[Random], Fact]:
    """Return the maker of a number that is digits for whoever says it, of `low` to `high`."""

    def make(rng: Random) -> Fact:
        digits = _digits(rng, rng.randint(low, high))
        size = rng.choice((len(digits), len(digits), 4, 3, 2))
        return _groups(rng, *(digits[i : i + size] for i in range(0, len(digits), size)))

    return make


def _count(low: int, high: int) -> Callable[[Random], Fact]:
    """Return the maker of a quantity from `low` to `high`."""

    def make(rng: Random) -> Fact:
        count = rng.randint(low, high)
        said = [f"{count:,}", str(count), cardinal(count), cardinal(count, " ")]
        return str(count), lambda: rng.choice(said)

    return make


def _lettered(letters: int, low: int, high: int) -> Callable[[Random], Fact]:
    """Return the maker of a number with letters before it."""

    def make(rng: Random) -> Fact:
        name = "".join(rng.choice("ABCDEFGHJKLMNPRSTWX") for _ in range(letters))
        digits = _digits(rng, rng.randint(low, high))
        _, say = _groups(rng, digits)
        between = rng.choice(("", " ", "-"))
        written = f"{name}{between}{digits}"
        return digits, lambda: rng.choice((written, f"{' '.join(name)} {say()}"))

    return make


def _phone(rng: Random) -> Fact:
    """Return a telephone number from the ranges that are set aside for fiction."""
    last3, area = _digits(rng, 3), rng.choice(("212", "415", "303", "617", "512"))
    plan = rng.choice(
        (
            ("07700", "900", last3),
            ("07700", f"900{last3}"),
            ("020", "7946", f"0{last3}"),
            ("0161", "496", f"0{last3}"),
            (area, "555", f"01{last3[:2]}"),
            ("555", f"01{last3[:2]}"),
            ("1", area, "555", f"01{last3[:2]}"),
            ("44", "7700", f"900{last3}"),
            ("0044", "20", "7946", f"0{last3}"),
            ("01632", "960", last3),
        )
    )
    digits, say = _groups(rng, *plan)
    plus = "+" if plan[0] == "44" else ""
    written = plus + " ".join(plan)
    brackets = f"({area}) 555-01{last3[:2]}" if plan[0] == area else written
    return digits, lambda: rng.choice((say(), say(), written, brackets))


def _price(rng: Random) -> Fact:
    whole, small = rng.choice((rng.randint(2, 99), rng.randint(2, 2400))), rng.randint(1, 99)
    sign, unit, part = rng.choice((("£", "pounds", "pence"), ("$", "dollars", "cents")))
    words, rest = cardinal(whole), cardinal(small)
    said = [f"{sign}{whole:,}.{small:02}", f"{whole} {unit} {small:02}", f"{words} {unit} {rest}"]
    said += [
        f"{sign}{whole}",
        f"{words} {unit} and {rest} {part}",
        f"{words} {unit}",
        f"{words} {rest}",
    ]
    return f"{whole}{small:02}", lambda: rng.choice(said)


def _year(rng: Random) -> Fact:
    year = str(rng.choice((rng.randint(1935, 1999), rng.randint(2001, 2027))))
    words = [pairs(rng, year)] + [cardinal(int(year))] * (year[0] == "2")
    return year, lambda: rng.choice((year, year, rng.choice(words)))


def _date(rng: Random, first: int, last: int) -> Fact:
    month, day, year = rng.randint(1, 12), rng.randint(1, 28), str(rng.randint(first, last))
    name, tail = MONTHS[month - 1], pairs(rng, year)
    said = [
        f"the {ordinal(day)} of {name} {year}",
        f"{name} {ordinal(day)} {year}",
        f"{name} {day}, {year}",
    ]
    said += [f"{day:02}/{month:02}/{year}", f"{pairs(rng, f'{day:02}{month:02}')} {tail}"]
    said += [f"{day} {month} {year[2:]}", f"the {ordinal(day)} of {name} {tail}"]
    return f"{day:02}{month:02}{year}", lambda: rng.choice(said)


def _time(rng: Random) -> Fact:
    hour, minute = rng.randint(1, 12), rng.choice((5, 10, 15, 20, 30, 40, 45, 50))
    words = f"{cardinal(hour)} {one_by_one(rng, '0')} five" if minute == 5 else ""
    said = [f"{hour}:{minute:02}", f"{hour} {minute:02}", f"{hour}.{minute:02}"]
    said += [
        words or f"{cardinal(hour)} {cardinal(minute)}",
        f"half {cardinal(hour)}",
        f"{hour} o'clock",
    ]
    return f"{hour}{minute:02}", lambda: rng.choice(said)


def _postcode(rng: Random) -> Fact:
    out, digit = rng.choice(("SW1A", "LS6", "M14", "BS3", "EH12", "CF24", "G42")), _digits(rng, 1)
    tail = "".join(rng.choice("ABDEFHJLNPRSTUWXYZ") for _ in range(2))
    said = f"{out} {digit}{tail}"
    return re.sub(r"\D", "", said), lambda: rng.choice((said, " ".join(said.replace(" ", ""))))


def _decimal(low: int, high: int) -> Callable[[Random], Fact]:
    """Return the maker of a number with one decimal."""

    def make(rng: Random) -> Fact:
        whole, tenth = rng.randint(low, high), rng.randint(1, 9)
        words = f"{cardinal(whole)} point {DIGITS[tenth]}"
        return f"{whole}{tenth}", lambda: rng.choice((f"{whole}.{tenth}", words))

    return make


FACTS: dict[str, Callable[[Random], Fact]] = {
    "phone": _phone,
    "account": _number(8, 12),
    "order": _number(6, 10),
    "case": _number(5, 9),
    "policy": _lettered(2, 6, 9),
    "model": _lettered(2, 3, 5),
    "flight": _lettered(2, 3, 4),
    "sort": lambda rng: _groups(rng, _digits(rng, 2), _digits(rng, 2), _digits(rng, 2)),
    "meter": _number(4, 6),
    "ext": _number(3, 4),
    "zip": _number(5, 5),
    "ssn": lambda rng: _groups(rng, _digits(rng, 3), _digits(rng, 2), _digits(rng, 4)),
    "error": _number(3, 4),
    "house": _count(2, 480),
    "postcode": _postcode,
    "dob": lambda rng: _date(rng, 1935, 2006),
    "date": lambda rng: _date(rng, 2023, 2027),
    "year": _year,
    "time": _time,
    "price": _price,
    "few": _count(2, 24),
    "many": _count(25, 990),
    "miles": _count(1_200, 148_000),
    "percent": _decimal(1, 60),
    "temp": _decimal(5, 40),
}
"""The makers of ordinary numbers, by the names of slots."""
