"""Which numbers are known to be ordinary by the words beside them, and are shown at once."""

import pytest

from tests.text_safety.test_card_masking import Screen

D8, D9, D12, D13 = "73902846", "739028465", "739028465163", "7390284651637"
HIDDEN = {n: "739" + "#" * (n - 3) for n in (4, 5, 8, 9, 12, 13)}
CARD = "c I have my visa here | "
ASKED = "a your card number please | "
PENDING = "c it is 6104 here | "
JUST_LATE = 1 / 16000
KNOWN = "c my order number is 7390 | c my order number is "

CASES: dict[str, list[tuple[str, str, str]]] = {
    "years": [
        ("c it was 2019 I think", "it was 2019 I think", "alone"),
        ("c it was 2019 1984 I think", "it was 2019 1984 I think", "two"),
        ("c~ it was 2019 a b c d e", "it was 2019 a b c d e", "five words follow"),
        (PENDING + "c~ it was 2019 a b c d e", "it was 2019 a b c d e", "in a sentence"),
        ("c~ it was 2019 a b c d", "it was #### a b c d", "four"),
        (PENDING + "c it was 2019", "it was ####", "other digits are open"),
        (PENDING + "c in 2019", "in 2019", "with its word before it"),
        (PENDING + "c may 2019", "may 2019", "with its month before it"),
        (CARD + "c it was 2019", "it was ####", "a card was mentioned"),
        (CARD + "c since 2019", "since 2019", "the same, with its word"),
        (PENDING + "c in 2019 and $14.88 dog", "in 2019 and $14.88 dog", "an amount after it"),
    ],
    "dates": [
        (CARD + "c may 3", "may 3", "month and day"),
        (CARD + "c 3 may", "3 may", "day and month"),
        (CARD + "c the 3rd of may", "the 3rd of may", "an ordinal"),
        (CARD + "c may 31 2026", "may 31 2026", "with its year"),
        (CARD + "c may 3126", "may ####", "no date"),
        (PENDING + "c 31/12/2026", "31/12/2026", "in one word, with its century"),
        (PENDING + "c 31/12/26", "31/##/##", "without: expiry dates look so"),
        (ASKED + "c 31/12/2026", "##/##/####", "a card number was asked for"),
        ("c on 12 31 2026", "on 12 31 2026", "in figures, after its word"),
        ("c see 12 31 2026", "see 12 3# ####", "without its word"),
        (PENDING + "c on 12 31 2026", "on ## ## ####", "other digits are open"),
        (CARD + "c on 12 31 2026", "on ## ## ####", "a card was mentioned"),
    ],
    "times": [
        ("c at 10 15 30 9", "at 10 1# ## #", "no times"),
        ("c at 9 30 and 10 15", "at 9 30 and 10 15", "after its word"),
        (CARD + "c at the 12th", "at the 12th", "an ordinal"),
        ("c 610 dog | c at 9 30", "at 9 30", "three digits are open"),
        (PENDING + "c at 9 30 10 15 1", "at 9 30 10 15 1", "eight digits"),
        (PENDING + "c at 9 30 10 15 11 5", "at # ## ## ## ## #", "nine where four are open"),
        ("c on 10 30", "on 10 3#", "no word for a time"),
    ],
    "counted": [
        (f"c {D8} boxes", f"{D8} boxes", "eight digits"),
        (f"c {D9} boxes", f"{HIDDEN[9]} boxes", "nine"),
        (f"c {D8} pounds", f"{D8} pounds", "currency"),
        (f"c {D9} pounds", f"{HIDDEN[9]} pounds", "nine digits of it"),
        (CARD + "c 739 boxes", "739 boxes", "three digits after a card was mentioned"),
        (CARD + "c 7390 boxes", "#### boxes", "four"),
        (CARD + f"c {D8} pounds", f"{D8} pounds", "currency always"),
        ("c~ 7390 boxes", "#### boxes", "the last word may be half of one"),
        ("c~ 7390 boxes now", "7390 boxes now", "it is not the last word"),
        ("c 7390 big boxes", "7390 big boxes", "a word between"),
        ("c 7390 of boxes", "7390 of boxes", "a word of names between"),
        ("c 7390 the second box", "739# the second box", "an idiom"),
        ("c 7390 very big boxes", "739# very big boxes", "two words between"),
        ("c 7390 uh boxes", "7390 uh boxes", "a filler between"),
        ("c 610 pounds 50", "610 pounds 50", "pence"),
        ("c 610 pounds 500", "610 pounds 500", "listed after an amount"),
        (ASKED + "c 12 pounds 50", "12 pounds 50", "pence, though a card number was asked for"),
        (ASKED + "c 12 pounds 500", "12 pounds ###", "no pence"),
        (ASKED + "c pounds 50", "pounds ##", "nothing before the unit"),
        (ASKED + "c dog pounds 50", "dog pounds ##", "no number before the unit"),
    ],
    "plurals": [
        ("c 610 gum 28 cats", "610 gum 28 cats", "a plural of four letters"),
        ("c 610 gum 28 bus", "610 gum ## bus", "three letters"),
        ("c 610 gum 28 boss", "610 gum ## boss", "two s"),
        ("c 610 gum 28 horse", "610 gum ## horse", "no plural"),
        ("c 610 gum 28 more", "610 gum 28 more", "more"),
        ("c 610 gum 280 cats", "610 gum ### cats", "three digits"),
    ],
    "amounts": [
        ("c I paid 7390284", "I paid 7390284", "seven digits"),
        ("c I paid 73902846", f"I paid {HIDDEN[8]}", "eight"),
        (CARD + "c I paid 7390", "I paid 7390", "four after a card was mentioned"),
        (CARD + "c I paid 73902", "I paid #####", "five"),
        (ASKED + "c I paid 7390", "I paid ####", "a card number was asked for"),
        (ASKED + "c I paid $7390", "I paid $7390", "the same, written as an amount"),
        (ASKED + "c I paid 73,902.84", "I paid 73,902.84", "seven digits of such"),
        (ASKED + "c I paid $73,902.84 $5", "I paid $##,###.## $#", "eight"),
        ("c paid $73.90 $284.65 $16.37", "paid $73.90 $284.65 $16.37", "two of seven digits"),
        ("c paid $739.02 $846.51 $637.18", "paid $739.02 $8##.## $###.##", "more"),
        (CARD + "c paid $73.90 $284.65", "paid $##.## $###.##", "more than seven near a card"),
        ("c paid so so so 7390284", "paid so so so 7390284", "fillers are words, too"),
        ("c paid a b c 7390284", "paid a b c 7390284", "three words between"),
        ("c paid a b c d 7390284", "paid a b c d 739####", "four"),
        ("c 610 dog $45.39 it is", "610 dog $45.39 it is", "among a few digits"),
        ("c 73902846516 dog $45.39 it", "739######## dog $45.39 it", "among eleven digits"),
        (f"c {D12} dog $45.39 it", f"{HIDDEN[12]} dog $##.## it", "among twelve"),
        ("c 610 dog $45.39 $14.88", "610 dog $45.3# $##.##", "two"),
        (CARD + "c 610 dog $45.39 it is", "### dog $##.## it is", "a card was mentioned"),
        ("c $61.04 dog $45.39 it is", "$61.04 dog $45.## it is", "after another"),
    ],
    "known numbers": [
        ("c order 7390 | c 610 dog | c 739 it is", "739 it is", "three digits"),
        ("c order 7390 | c 610 dog | c 73 it is", "## it is", "two"),
        ("c paid $73 | c 610 dog | c $73 it is", "$73 it is", "two of an amount"),
        (KNOWN + "1" * 195 + " | c 7390 then", "7390 then", "of the last 200 digits"),
        (KNOWN + "1" * 196 + " | c 7390 then", "739# then", "of those before them"),
        ("c it is 610 7390 | c+121 so 6107390 it is", "so 6107390 it is", "what was no card"),
    ],
    "spelled": [
        ("c H 73 90 B", "H 73 90 B", "four digits between letters"),
        ("c H 73902 B", "H 739## B", "five"),
        ("c I 7390 B", "I 739# B", "a pronoun"),
        ("c H 7390 and", "H 739# and", "no letter follows"),
        (ASKED + "c H 7390 B", "H #### B", "a card number was asked for"),
    ],
    "names": [
        (f"c~ order number is {D12}", f"order number is {D12}", "twelve digits, at once"),
        (f"c~ order number is {D13}", f"order number is {'#' * 13}", "thirteen, when it may go on"),
        (f"c order number is {D13}", f"order number is {D13}", "thirteen, when it is over"),
        (f"c~ order number is {D13} dog", f"order number is {D13} dog", "or another word follows"),
        ("c order is 4539148803436467", "order is 453#############", "a card's check digit"),
        ("c order w w w w w w w 7390", "order w w w w w w w 7390", "seven words between"),
        ("c order w w w w w w w w 7390", "order w w w w w w w w 739#", "eight"),
        ("c it is 610 dog | c order dog 7390", "order dog 7390", "three digits are open"),
        (PENDING + "c order dog 7390", "order dog ####", "four are, and a word between"),
        (PENDING + "c order was my 7390", "order was my 7390", "link words between"),
        ("a the long number | c order dog 7390", "order dog ####", "a card number was asked for"),
        (CARD + "c flight GE 7390", "flight GE 7390", "two letters between"),
        (CARD + "c flight GEX 7390", "flight GEX ####", "three letters"),
        ("a the security code | c order dog 739", "order dog ###", "a code was named"),
        ("c GB29 7390 2846 516", "GB29 7390 2846 516", "an IBAN of thirteen digits"),
        ("c GB29 7390 2846 51", "GB29 7### #### ##", "twelve"),
        ("c --7390 2846 51637", "--739# #### #####", "two marks"),
        ("c X29 7390 2846 516", "X29 7### #### ###", "one letter"),
        ("c 29 7390 2846 516", "29 7### #### ###", "no letters"),
        ("c +44 7390 2846", "+44 7390 2846", "a telephone number with +"),
        ("c 07390 284651", "07390 284651", "one with its 0"),
        ("c~ 07390 284651", "##### ######", "it may go on"),
        (CARD + "c 07390 284651", "##### ######", "a card was mentioned"),
        (PENDING + "c 07390 284651", "##### ######", "digits are open"),
        (PENDING + "c order 61 dog 07390 284651", "order 61 dog 07390 284651", "after a name"),
    ],
    "answers": [
        (f"a your phone number | c {D12}", D12, "twelve digits"),
        (f"a your phone number | c it is {D9}", f"it is {D9}", "with other words"),
        (f"a your phone number | c {D13}", HIDDEN[13], "thirteen"),
        (f"a your phone number | c+45 {D9}", D9, "after 45 seconds"),
        (f"a your phone number | c+{45 + JUST_LATE} {D9}", HIDDEN[9], "later"),
        (f"a your phone number | a {D9}", HIDDEN[9], "the same speaker"),
        (f"a your phone number | c 610 | c {D9}", D9, "it goes on"),
        (f"a your phone number | c 610 | c so my {D9}", f"so my {HIDDEN[9]}", "other words"),
        (f"a your phone number | c 6104 | c {D9}", HIDDEN[9], "thirteen in all"),
        (f"a your phone number | a or the card | c {D9}", "#" * 9, "a card was mentioned since"),
        (f"a your phone number | a the long number | c {D9}", "#" * 9, "asked for since"),
        (f"a your phone number | c 610 | a your fax | c {D12}", D12, "asked again"),
    ],
    "lists": [
        ("c 60 pounds 5 then dog 7390", "60 pounds 5 then dog 7390", "after an amount"),
        ("c order 60 dog 7390", "order 60 dog 7390", "after a name"),
        ("c in 2019 dog 7390", "in 2019 dog 7390", "after a year"),
        ("c so 60 boxes dog 7390", "so 60 boxes dog 739#", "not after what is counted"),
        (f"c order 60 dog {D12}", f"order 60 dog {D12}", "twelve digits"),
        (f"c order 60 dog {D13}", f"order 60 dog {HIDDEN[13]}", "thirteen"),
        ("c order 60 | c dog 7390", "dog 739#", "the next utterance"),
        (CARD + "c 60 pounds dog 7390", "60 pounds dog ####", "a card was mentioned"),
        (CARD + "c 60 pounds dog 73", "60 pounds dog 73", "two digits near a card"),
        (CARD + "c 60 pounds dog 739", "60 pounds dog ###", "three"),
        (CARD + "c 60 pounds dog $7390", "60 pounds dog $7390", "the same, an amount"),
        (CARD + "c 60 pounds dog $73902846", "60 pounds dog $########", "of eight digits"),
        (PENDING + "c 60 pounds dog 7390", "60 pounds dog ####", "digits are open"),
        (ASKED + "c 60 pounds dog $7390", "60 pounds dog $####", "a card number was asked for"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(script, expected, id=f"{kind}: {why}")
        for kind, cases in CASES.items()
        for script, expected, why in cases
    ],
)
def test_ordinary_numbers_are_shown_at_once_and_others_are_not(script: str, expected: str) -> None:
    assert Screen().hear(script) == expected
