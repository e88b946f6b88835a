"""The glossary: every term of glossary.toml by the alphabet, with its neighbours and its first chapter.

The first thing to change: glossary.toml.
"""

from itertools import groupby

from glassworks.reader.contents import Contents, Term, contents
from glassworks.reader.markup import escaped, prose
from glassworks.reader.pages.frame import chapter_links, frame, several


def glossary(*, book: Contents | None = None) -> str:
    """The page of all terms; each has its key as id, so that /glossary#chain-rule leads there."""
    book = book or contents()
    terms = sorted(book.terms.values(), key=lambda term: term.term.casefold())
    letters = [(letter, list(group)) for letter, group in groupby(terms, lambda term: term.term[0].upper())]
    jumps = "".join(f'<a href="#letter-{letter}">{letter}</a>' for letter, _ in letters)
    groups = "".join(
        f'<section data-group><h2 id="letter-{letter}">{letter}</h2>'
        f'<dl class="glossary">{"".join(_entry(term, book) for term in group)}</dl></section>'
        for letter, group in letters
    )
    body = (
        f'<h1>Glossary</h1><p class="lead">{several(len(terms), "term")} of foundations and image models,'
        " in plain words. Those of later parts come with their chapters.</p>"
        '<p class="filter" hidden><label for="filter">Find a term</label> <input id="filter" type="search"'
        ' data-filter="dl.glossary > div" autocomplete="off"> <span role="status"></span></p>'
        f'<nav class="letters" aria-label="Letters">{jumps}</nav>{groups}'
    )
    return frame("Glossary", body, active="glossary")


def _entry(term: Term, book: Contents) -> str:
    also = ", ".join(f'<a href="#{escaped(key)}">{escaped(book.terms[key].term)}</a>' for key in term.also)
    rows = f'<dd class="note">See also {also}</dd>' if also else ""
    if term.chapter:
        rows += f'<dd class="note">First met in {chapter_links([book.chapter(term.chapter)])}</dd>'
    key = escaped(term.key)
    return f'<div id="{key}"><dt>{escaped(term.term)}</dt><dd>{prose(term.meaning)}</dd>{rows}</div>'
