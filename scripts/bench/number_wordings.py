"""What is said around numbers on the telephone: the frames of `scripts.bench.number_exchanges`."""

from __future__ import annotations

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a block of text."""
    return tuple(line.strip() for line in text.strip().splitlines())


# A card's number.

ASKS = lines("""
    can I take the long number across the front
    card number please
    what are the digits
    which card are you paying with
    will that be debit or credit
    and the long card number when you're ready
    okay so if you could read me the sixteen digits on the front
    could I get your credit card number
    and what's the number on the Visa
    go ahead with the card number whenever you're ready
    if you've got your card to hand I'll take the number
    and the debit card number please, all of it
    right, the big number on the front of the card
    I just need the card details from you now
    can you read it out for me nice and slowly
    what's the account number on that Mastercard
    let's get that payment sorted, what's the number
    do you want to pay for that now on a card
    and how would you like to pay
    okay I've got the payment screen up, off you go
""")
ANNOUNCED = lines("""
    my {card} is
    the {card} number is
    it's a {card} it's
    so my {card} number that's
    I'm paying with my {card} and it goes
    okay the long number on the {card}
    right I've got my {card} here it says
    the {card} is uh
    I'll give you the {card}, ready?
    yeah it's my husband's {card} so that is
    so on the front of the {card} I've got
    {card}
    I want to put it on my {card} which is
""")
FILLERS = lines("""
    uh
    um
    er
    right
    got it
    like
    and then
    okay
    got that
    you know
    hang on
    let me turn it over
    it's a bit worn
    sorry my dog is barking
    then
    and
    so
    yeah
    then it's
    erm
    let me see
    after that
    are you with me
    I think that's a
    bear with me
    sorry
    please
    followed by
    dash
    space
    next
    I need my glasses
    it's hard to read
    did you get that
    so that's
    oh and
    comma
    number
    then we have
    carry on
    one second
    if you don't mind
    thank you
    it's rubbed off a bit
    as I said
    alright
    moving on
""")
NEXT = lines("""
    the next {n} are
    then the next {n}
    and the next {n}
    next {n}
    the second lot is
    and after those {n} it's
    then another {n}
    the next set is
""")
LAST = lines("""
    and the last {n} are
    the last {n}
    and finally
    and it ends
    and to finish
    and the final {n}
""")
CHAT = lines("""
    and my husband is shouting something at me from the kitchen
    sorry about that somebody has just come to the front door with a parcel
    just a minute I have to put my glasses on I can never read these things without them
    I'm so sorry the baby has just woken up and I am the only one in the house at the moment
    the numbers have nearly all rubbed off this thing I've had it in my back pocket for years
    hold on a moment I'm on the train and we are just about to go into a tunnel here
    stop that, put it down, no not you sorry I was talking to the cat on the table
    my daughter normally does this sort of thing for me but she is away until the end of next week
    they keep on sending me new ones and I never know which one of them I am supposed to use
    oh this is ridiculous I've only got one hand free because I am carrying the shopping in
    can you hear me alright because there are two of them drilling in the road outside the window
    I do apologise for the noise, for some reason they always mow the lawn when I'm on the phone
    let me just move over to the window because the light in here is absolutely terrible
    is this being recorded by the way because I was told that I should always ask that before
    I tried to do it on your website three times this morning but it kept throwing me back out
    you wouldn't believe how long I have been waiting on this line just to get to a person
    sorry I lost my place there because the kettle is boiling and it makes such a racket
""")
AGENT_CHAT = lines("""
    sorry bear with me the system is running really slowly for me today
    just one second for me please while I wait for that screen to catch up
    I do apologise, my computer has frozen again, it has been doing it all day long
    okay sorry you broke up a little bit there, it's a bad line isn't it
    no rush at all, you take all of the time that you need, I'm not going anywhere
    thank you so much for your patience with this, we are very nearly there now
    lovely and while I am typing that in, how has your day been so far
    sorry that was my colleague talking behind me, please do carry on whenever you're ready
""")
PATIENT = lines("""
    no problem
    take your time
    that's okay
    no worries at all
    don't worry, go ahead when you're ready
    oh bless, it's fine
    mhm
    you're alright
""")
BACKCHANNELS = lines("""
    mhm
    yep
    go ahead
    okay
    uh-huh
    yes
    got that
    right
    perfect
    thank you
    lovely
    keep going
    yeah
    with you so far
""")
GO_ON = lines("""
    and the next four
    and then
    what comes after that
    okay and the next ones
    and the rest of it
    go on
    and the last few
    yep next
    okay what's after that please
""")
ECHOES = lines("""
    {}
    so {}
    okay {}
    {} got it
    {} yep
    {} yeah
    right {} and then
    that's {}
    {} okay
    I've got {}
    and {} thank you
    {} perfect
""")
CORRECTIONS = lines("""
    no {}
    no sorry it's {}
    not quite, {}
    no no {} at the end
    I said {}
    that last bit is {}
    wait no that should be {}
    {} not that
""")
READ_BACK = lines("""
    let me read that back {} is that right
    so that's {}
    okay I have {}
    just to confirm {}
    let me repeat that for you {} yeah
    reading that back to you it's {}
    so I've put in {} does that look right
    {} is that correct
""")
CONFIRMED = lines("""
    yes that's it
    yep
    that's right
    correct
    yeah that's the one
    spot on
    mhm that's correct thank you
    I think so yes
""")
ON_FILE = lines("""
    I've got {} on file
    the card we hold for you is {}
    it's showing here as {}
    so the card you used last time was {}
    I can see {} on the account, is that still right
    you paid with {}
    {} is what's on the order
    the one on the system is {}
""")
BEGINS = lines("""
    I've got {} and then what's the rest
    it begins {} could you give me the others
    I can see it starts {}
    so far I have {} what comes next
    I only got {} before you cut out
    your card starts with {} can you finish it for me
""")
COMPLETES = lines("""
    I can see {} on the account
    and then {} yes I have the rest here
    and it finishes {} doesn't it
    okay and that ends {} I have that one already
    oh it's this one, {}
    ah yes {} it's come up now
""")
ENDING = lines("""
    I have it ending {}
    is that the card ending in {}
    I've one here that ends with {} what's the rest
    the last digits I see are {} could you read me the others
    so that's the one finishing {} and before that
    it's asking me for the card that ends {}
""")
AGAIN = lines("""
    sorry let me start again
    no hang on from the beginning
    I've lost my place, again
    oh wait wrong card, this one is
    let me do that again
    sorry start over
    I'll go from the top
    no I'm reading the wrong line, it's
""")
LOST = lines("""
    sorry can you start again from the beginning
    I lost you there, could you say the whole number again
    the line went, once more from the top please
    sorry I missed all that
    could you go a bit slower for me please
    I'm sorry could you repeat that
""")
SELF_CORRECTIONS = lines("""
    {slip} no wait {right}
    {slip} sorry {right}
    {slip} no sorry that's {right}
    {right} no wait {slip} sorry no it was {right}
    {slip} I mean {right}
    {slip} no I tell a lie {right}
    {slip} hang on is that right no {right}
    {slip} or rather {right}
    {slip} oops {right}
""")
PARDON = lines("""
    sorry was that the last bit
    say that again
    pardon
    could you repeat those for me
    what was that last one sorry
    I didn't catch that
    one more time
""")
REPEATS = lines("""
    {}
    so that was {}
    I said {}
    {} yeah
    that's {}
    again it's {}
    yes {}
    {} if you didn't get that
""")
EXPIRY_ASKS = lines("""
    and the expiry date
    when does it expire
    what's the expiry on that
    and the end date please
    thank you, expiration
    valid until
""")
DONE = lines("""
    lovely that's gone through for you
    thank you, bear with me while that processes
    perfect, I'll send you a receipt by email
    okay it has been declined I'm afraid
    great, is there anything else I can help with
    thank you for that
""")
AFTER = lines("""
    a and your postcode | c {postcode}
    a lovely, that's gone through, your reference is {order} | c let me write that down, {order}
    c and how much is that in total | a that comes to {price} | c {price} okay
    a and a phone number in case the driver needs you | c {phone}
    c when will it arrive then | a on {date} between {time} and {time2}
    a thank you, the order number is {order} | c thanks a lot
    c so that leaves {price} on the account | a {price} yes that's right
    a and the house number | c {house} the green door
    a okay and your date of birth | c {dob}
    a thanks, and how many did you want | c {few} please, or {few2} if you do them in boxes
""")

# A security code.

CODES = lines("""
    c the security code is {gap} {cvv}
    c the CVV is {gap} {cvv}
    c my CVV number {gap} {cvv}
    c and the {n} digits are {gap} {cvv}
    c it's {cvv} on the back
    c the last {n} on the signature strip are {gap} {cvv}
    c {cvv} that's the security code
    c the {n} digit number is {gap} {cvv}
    c the code on the back of my card is {gap} {cvv}
    c CVC {gap} {cvv} thank you
    c security number on the reverse {gap} {cvv} I hope you can read that
    c okay I have turned it over it says {gap} {cvv}
    a and the security code on the back please | c {gap} {cvv}
    a and the {n} digits on the back | c {cvv}
    a what's the CVV | c {gap} {cvv}
    a CVV | c {cvv} {gap}
    a last {n} on the signature strip please | c yeah {gap} {cvv}
    a and the {n} digit security number | c {longgap} {cvv}
    a could you turn the card over for me and read the {n} numbers | c {gap} {cvv}
    a expiry date and CVC | c it's {expiry} and {cvv}
    a and the expiry date | c {expiry} | a and the security code | c {cvv}
    a what's the expiry | c {expiry} | c and the CVV is {gap} {cvv}
    a the code on the back | c where is it | a by the signature, {n} digits | c oh {gap} {cvv}
    a security code | c hang on | a no problem | c {cvv}
    a security code please | c {longgap} | a take your time | c {cvv}
    a and the security code | c {cvv} | a {cvv} | c that's it
    a what is the security code | c {cvv} | a sorry was that {cvv} | c yes {cvv}
    a I've got the CVV as {cvv} is that right | c yes
    a card number please | c {card} | a and the {n} digits on the back | c {cvv}
    a card number please | c {card} | a expiry | c {expiry} | a and the CVV | c {gap} {cvv}
    c my card number is {card} expiry {expiry} and the security code is {cvv}
    c {card} and the CVV is {cvv} expiry {expiry}
    a the long number | c {card} | a thanks and the last {n} on the back | c {gap} {cvv}
    a the CID is the {n} digits on the front of it | c oh okay {gap} {cvv}
    c the CID is {gap} {cvv}
    c the card verification number is {gap} {cvv}
    a card verification value | c sorry | a the {n} numbers on the strip | c {cvv}
    c do you need the security code it's {gap} {cvv}
    a and what are the {n} numbers on the reverse | c {longgap} so it's {cvv}
    a signature strip, what does it say at the end | c {gap} {cvv}
""")
SEARCHING = lines("""
    I think it is
    let me see now
    hold on where are we
    ah here it is
    it's very small
    I can't find it, oh yes
    if I can read it
    is that the one on the back
""")

# Ordinary numbers.

ORDINARY = lines("""
    c my order number is {order} | a thank you, {order}
    a can I take your order number | c it's {order}
    c order {order} never arrived
    a do you have the order number | c {order} | a {order} | c that's right
    c the confirmation I got says {order} but you sent something else
    a your reference for today is {case} | c {case}
    a I've opened a case for you, it is {case} | c okay {case} got it
    c I was given case number {case} last week and then {case2} yesterday
    c my policy number is {policy} | a lovely, bear with me
    a is that policy {policy} or {policy2} | c the first one
    a what's the best number to call you on | c {phone} | a {phone}
    c you can reach me on {phone} or on {phone2} after {time}
    c my phone number has changed, it used to be {phone} and now it is {phone2}
    c ring me back on {phone} please
    a I'll call you from {phone} so you know that it's us | c okay
    c that's {phone} extension {ext}
    a your account number please | c {account}
    c my account number is {account} | a so that's {account} | c yes
    c sort code {sort} account {account}
    a and the sort code | c {sort} | a and the account number | c {account}
    c the meter says {meter} | a {meter}, and last time it was {meter2}
    a could you read me the meter | c {meter} | a is that the night one | c no that is {meter2}
    c in {year} it was {meter} and now it's {meter2}
    c I live at {house} Mill Lane {postcode} | a {house}, thank you
    a can I have the first line of the address and the postcode | c {house} Station Road {postcode}
    c it's {house} North {ext} Street, zip code {zip}
    a and the zip | c {zip} | a {zip}, and the apartment number | c {few}
    a can you confirm your date of birth | c {dob} | a thank you
    c my date of birth is {dob} and my wife's is {dob2}
    c you said {time} then {time2} and nobody came till {time3}
    a we can do {time} or {time2} | c {time2} please
    a we're open from {time} to {time2}, and on Sundays from {time3} | c great
    c I've been waiting since {time}, that's {many} minutes
    c it came to {price} | a {price}, okay
    c I was charged {price} and then {price2} and another {price3} on {date}
    a the total is {price}, less {price2}, so {price3} to pay | c {price3} right
    c it was {price} last month | a and it's {price2} from {date}
    a that one is {price}, the next is {price2} and the large is {price3} | c the middle one
    c I'd like {few} of the small and {few2} of the big ones | a so {few} and {few2}
    c we ordered {few} boxes of {many} and only {few2} boxes came
    c it's a {year} with {miles} miles on it | a and the last service was at {miles2}
    c my car has done {miles} miles and the clutch has gone
    a which car is it | c the {year} one, {miles} on the clock
    a is the car here now | c yes, bay {few}, it needs {few2} new tyres at {price}
    c the car number plate ends {ext} | a and the year | c {year}
    c it says error {error} and then error {error2}
    c the model is {model} and the part number {case}
    a what does the label say | c {model}, serial {order}
    c I'm on flight {flight} on {date} at {time}
    c it's {temp} degrees in here and the dial says {temp2}
    a your rate goes from {percent} percent to {percent2} percent | c that's a lot
    a about {percent} percent of people wait {few} days | c I've waited {many}
    c we won {few} to {few2} | a it was {few3} all at half time
    c they lost three two, then won four one, and drew two two
    c I bought it in {year} and the old one in {year2}
    c we moved here in {year}, then {year2}, then {year3}, I forget
    c in two thousand and eight, nineteen ninety nine and twenty twelve
    c my social is {ssn} | a thank you
    c it's one of the two, I can't tell which one
    c one or two of them ate too much, for one thing
    a a couple of days, three or four at most | c five or six would be fine
    c I have to go to the one for two people, won't be long | a okay
    c oh for heaven's sake, one more time, two of you told me two things
    c nine times out of ten it works, for one or two hours
    c I won one, she won two, and then we ate at eight
    c my business card has it, {phone} | a oh yes
    c my gift card balance is {price} | a it shows {price2} here
    c the gift card was for {price}, from {year}
    a I'd not bank on it, but it's on the cards for {year} | c okay
    c her report card said {percent} percent and {few} days missed
    c the SIM card came with {phone} | a and the plan is {price} for {many} minutes
    c I'll pay by card. It is {price} | a {price} yes
    a your card has been charged {price} | c and the order is {order}
    a have you got the card there | c no, I only have the order number, {order}
    a card number please | c I don't have it here, can I give you my account number {account}
    a is it visa or debit | c debit, and it was {price}, not {price2}
    c I paid {price} by card on {date} and {price2} in cash at {time}
    c my card expired, so use the account, {account}
    c the loyalty card points are {many} and I had {many2} | a I see {many}
    a the library card is free, it's {price} if you are over {few} | c thanks
    c there was a birthday card, {few} balloons and {many} candles
    c the graphics card is a {ext} with {few} gigs
    a it needs the memory card out for {few} seconds | c {few2} seconds, okay
    c the green card came in {year} | a and the visa before that | c {year2}
    c my visa runs out on {date}, the flight is {flight}
    a the promo code is worth {percent} percent | c and the area code is {ext}
    c the door code did not work and room {ext} was locked
    a the error code please | c {error}
    a what's the code on the screen | c it says {error}, then {error2}
    c turn to page {ext}, line {few}, there are three digits missing
    a you're number {few} in the queue, about {few2} minutes | c okay
    c I'm {many} pounds out of pocket | a so {many} and the {price}
    a it is {many} dollars a month for {few} months | c so {miles} in all
    c the box is {many} by {many2} by {few} and weighs {temp} kilos
    c I rang at {time} on {date}, at {time2}, and again at {time3}
    a dose is {few} tablets at {time} and {few2} at {time2} | c okay
    c take bus {few} or {many} to stop {few2} | a thank you
    c I'm sixty five, he is seventy two, and the grandchildren are four, six, eight and nine
    a one moment | c okay | a two more minutes | c fine, one of these days
    a press one for sales, two for service, three for anything else | c one
    c count with me, one two three four five six seven eight nine ten | a ha
""")

# What a recogniser first takes a word for.

GUESSES = {
    "one": ("won", "1", "on"),
    "two": ("to", "too", "2"),
    "three": ("free", "3", "tree"),
    "four": ("for", "4", "fort"),
    "five": ("fife", "5", "find"),
    "six": ("sex", "6", "sick"),
    "seven": ("7", "several", "eleven"),
    "eight": ("ate", "8", "eighty"),
    "nine": ("niner", "9", "night"),
    "oh": ("0", "of", "all"),
    "zero": ("0", "hero"),
    "nought": ("not", "0"),
    "double": ("dub", "the bull"),
    "triple": ("trip",),
    "treble": ("trouble",),
    "thirteen": ("13", "thirty"),
    "fourteen": ("14", "forty"),
    "fifteen": ("15", "fifty"),
    "sixteen": ("16", "sixty"),
    "seventeen": ("17", "seventy"),
    "eighteen": ("18", "eighty"),
    "nineteen": ("19", "ninety"),
    "twenty": ("20", "plenty"),
    "thirty": ("30", "dirty"),
    "forty": ("40", "fourteen"),
    "fifty": ("50", "fifteen"),
    "sixty": ("60", "sixteen"),
    "seventy": ("70", "seventeen"),
    "eighty": ("80", "eighteen"),
    "ninety": ("90", "nineteen"),
    "hundred": ("00", "hundreds"),
    "card": ("car", "guard"),
}
