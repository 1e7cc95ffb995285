"""Keys that many kinds share, made once."""

from __future__ import annotations

from fhirkit.convert.kinds.wordlists import INTERPRETATION
from fhirkit.convert.shape import Key
from fhirkit.convert.values import Choice, Codes, Names, Quotes, Raw, Text, Texts, Time

QUOTE = Key("quote", Quotes(), "The words of the source that say so; found and linked by fhirkit.")
BASIS = Key(
    "basis",
    Choice("stated", "derived", "assumed"),
    "Whether the source says it (stated, the default), it follows from what it says (derived), "
    "or the author takes it to be so (assumed).",
)
WHY = Key("why", Text(), "The reason for an assumption; required with `basis: assumed`.")
NOTE = Key("note", Texts(), "Anything else worth keeping, in words.")
COMMON = (QUOTE, BASIS, WHY, NOTE)

AT = Key("at", Time(), "When: a point of the timeline, a date, or arithmetic on them.")
ENCOUNTER = Key(
    "encounter",
    Names("encounters", many=False),
    "The encounter it belongs to; found by `at` when there is just one at that time.",
)
PERFORMER = Key(
    "performer",
    Names("organizations", "practitioners", "people"),
    "Who did or saw it.",
)
CODE = Key("code", Codes(), "What it is, coded; several codes say the same.")
TEXT = Key("text", Text(), "What it is, in words.")
FOR = Key("for", Names("conditions"), "The condition it is for.")
REASON = Key("reason", Text(), "Why, in words.")
SITE = Key("site", Codes(), "The part of the body.")
VALUE = Key("value", Raw("an amount with its unit, words, or `not reported`"), "What was found.")
ALSO = Key(
    "also",
    Raw("the same amount in another unit"),
    "The amount in a second unit, as the source has it.",
)
RANGE = Key("range", Raw("two amounts, as 12-16 g/dL"), "The reference range.")
SEEN_AS = Key("interpretation", INTERPRETATION, "How the finding is to be seen.")
FINDING = Key("finding", Codes(), "The finding, coded.")
