"""Questions for word vectors in English: pairs that make analogies, and groups of words of one kind.

The lists are our own and hold common words, so that a shelf of novels or a newspaper can answer most of
them. A pair stands for a relation (day, days); two pairs of one category make a question: day is to days as
man is to ... Words that a model has no vector for are left out, and so are the questions with them.

The first thing to change: add pairs of your own field to `PAIRS`, or words to `GROUPS`.
"""

from collections.abc import Container
from dataclasses import dataclass
from itertools import permutations

_PAIRS = {
    "plural": "day days, year years, man men, woman women, child children, friend friends, house houses, "
    "hand hands, eye eyes, word words, thing things, book books, letter letters, room rooms, door doors, "
    "brother brothers, sister sisters, daughter daughters, son sons, father fathers, town towns, "
    "horse horses, wall walls, tree trees, question questions, school schools, month months, week weeks, "
    "hour hours, lady ladies",
    "past tense": "go went, come came, see saw, take took, give gave, make made, know knew, think thought, "
    "say said, tell told, find found, get got, feel felt, leave left, keep kept, begin began, speak spoke, "
    "write wrote, bring brought, look looked, walk walked, turn turned, ask asked, call called, seem seemed, "
    "want wanted, try tried, live lived, die died, stand stood, sit sat, hear heard",
    "present participle": "go going, come coming, see seeing, take taking, give giving, make making, "
    "know knowing, think thinking, say saying, look looking, walk walking, speak speaking, write writing, "
    "live living, feel feeling, hear hearing, leave leaving, stand standing, sit sitting, bring bringing, "
    "work working, run running",
    "comparative": "good better, bad worse, great greater, large larger, small smaller, high higher, "
    "low lower, long longer, short shorter, old older, young younger, strong stronger, late later, "
    "early earlier, happy happier, near nearer, wide wider, deep deeper, easy easier, hard harder",
    "adverb": "quick quickly, slow slowly, quiet quietly, sudden suddenly, perfect perfectly, "
    "complete completely, certain certainly, usual usually, immediate immediately, entire entirely, "
    "serious seriously, careful carefully, easy easily, happy happily, free freely, clear clearly, "
    "great greatly, particular particularly, general generally, probable probably",
    "opposite": "good bad, old young, high low, large small, long short, early late, hot cold, rich poor, "
    "first last, up down, open close, right wrong, black white, true false, day night, inside outside, "
    "happy unhappy, possible impossible, known unknown, like dislike",
    "man and woman": "he she, himself herself, man woman, men women, boy girl, boys girls, father mother, "
    "son daughter, sons daughters, brother sister, brothers sisters, husband wife, uncle aunt, king queen, "
    "gentleman lady, gentlemen ladies, mr mrs, sir madam, nephew niece, lord lady",
    "country and people": "england english, france french, germany german, italy italian, spain spanish, "
    "russia russian, america american, china chinese, india indian, europe european, rome roman, "
    "greece greek, egypt egyptian, japan japanese",
    "country and capital": "england london, france paris, germany berlin, italy rome, spain madrid, "
    "russia moscow, greece athens, egypt cairo, japan tokyo, austria vienna, poland warsaw, cuba havana, "
    "ireland dublin, portugal lisbon, hungary budapest",
}
_GROUPS = {
    "numbers": "two three four five six seven eight nine ten twelve twenty thirty forty fifty hundred",
    "months": "january february march april june july august september october november december",
    "days": "monday tuesday wednesday thursday friday saturday sunday",
    "family": "father mother brother sister son daughter uncle aunt cousin husband wife nephew niece",
    "colours": "red blue green yellow white black brown grey pink purple",
    "body": "hand hands eyes head face arm arms foot feet hair legs mouth neck shoulder fingers lips",
    "pronouns": "i he she they we you me him them us himself herself themselves myself yourself",
    "stretches of time": "day days week weeks month months year years hour hours minute minutes moment",
    "parts of the day": "morning evening afternoon night noon midnight dawn",
    "parts of a house": "room house door window kitchen bed chair floor hall stairs roof garden",
    "saying": "said told asked replied answered cried exclaimed spoke called whispered",
    "may and must": "can could will would shall should may might must",
    "countries": "england france america russia china germany italy india spain egypt greece",
    "animals": "horse horses dog dogs cat cattle sheep birds fish lion oxen",
    "feelings": "love hope fear joy anger pain pleasure pride happiness grief sorrow",
    "where and through": "in on at by with from under over between among through against upon",
    "sizes": "large small great little big huge vast immense",
    "water": "sea river water lake ocean shore waves stream",
}  # fmt: skip

PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    name: tuple((pair.split()[0], pair.split()[1]) for pair in text.split(","))
    for name, text in _PAIRS.items()
}
GROUPS: dict[str, tuple[str, ...]] = {name: tuple(text.split()) for name, text in _GROUPS.items()}


@dataclass(frozen=True)
class Question:
    """`first` is to `second` as `third` is to `answer`."""

    category: str
    first: str
    second: str
    third: str
    answer: str

    def __str__(self) -> str:
        return f"{self.first} : {self.second} = {self.third} : ?"


def questions(known: Container[str]) -> list[Question]:
    """All analogies of two pairs of a category whose four words are different and known."""
    made = []
    for category, pairs in PAIRS.items():
        there = [pair for pair in pairs if pair[0] in known and pair[1] in known]
        made += [
            Question(category, *given, *asked)
            for given, asked in permutations(there, 2)
            if len({*given, *asked}) == 4
        ]
    return made


def grouped(known: Container[str]) -> tuple[list[str], list[str]]:
    """The known words of all groups that have two of them or more, and the group of each."""
    words, names = [], []
    for name, group in GROUPS.items():
        there = [word for word in group if word in known]
        if len(there) > 1:
            words += there
            names += [name] * len(there)
    return words, names
