"""The little Markdown of exercises as HTML: paragraphs, lists, fenced code, `code`, **strong**, *stress*.

Reasons hold what a reader's code returned or raised, so everything is escaped first and only then marked up;
a full Markdown renderer would let HTML through. The first thing to change: `INLINE`, one more mark.
"""

import html
import re

BULLET = re.compile(r"\s*(?:[-*]|(\d+)\.)\s+(.*)")
INLINE = re.compile(
    r"`([^`\n]+)`|\*\*(.+?)\*\*|(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])|\[([^\]]+)\]\(([^)\s]+)\)"
)
ADDRESS = re.compile(r"(?:https?://|/(?!/)|\.\./|#)[^\s\"'<>]*")


def markup(text: str) -> str:
    """Markdown as HTML blocks; whatever else stands in the text is shown as it is."""
    pieces, lines, place = [], text.strip("\n").splitlines(), 0
    while place < len(lines):
        line = lines[place]
        if line.lstrip().startswith("```"):
            end = place + 1
            while end < len(lines) and not lines[end].lstrip().startswith("```"):
                end += 1
            pieces.append(code_block("\n".join(lines[place + 1 : end])))
            place = end + 1
        elif BULLET.fullmatch(line):
            end = place
            while end < len(lines) and lines[end].strip() and not lines[end].lstrip().startswith("```"):
                end += 1
            pieces.append(_list(lines[place:end]))
            place = end
        elif line.strip():
            end = place
            while end < len(lines) and lines[end].strip() and not _opens(lines[end]):
                end += 1
            pieces.append(f"<p>{inline(' '.join(part.strip() for part in lines[place:end]))}</p>")
            place = end
        else:
            place += 1
    return "".join(pieces)


def inline(text: str) -> str:
    """Marks within a line."""
    out, at = [], 0
    for match in INLINE.finditer(text):
        out.append(html.escape(text[at : match.start()]))
        code, strong, stress, words, address = match.groups()
        if code is not None:
            out.append(f"<code>{html.escape(code)}</code>")
        elif strong is not None:
            out.append(f"<strong>{inline(strong)}</strong>")
        elif stress is not None:
            out.append(f"<em>{inline(stress)}</em>")
        elif ADDRESS.fullmatch(address):
            out.append(f'<a href="{html.escape(address, quote=True)}">{inline(words)}</a>')
        else:
            out.append(html.escape(match[0]))
        at = match.end()
    return "".join(out) + html.escape(text[at:])


def code_block(text: str) -> str:
    """Code in a box that scrolls by itself and can be reached by keyboard."""
    return f'<pre tabindex="0"><code>{html.escape(text)}</code></pre>'


def _opens(line: str) -> bool:
    return line.lstrip().startswith("```") or bool(BULLET.fullmatch(line))


def _list(lines: list[str]) -> str:
    """Lines of one list; a line without a mark goes on with the item above it."""
    items: list[str] = []
    for line in lines:
        match = BULLET.fullmatch(line)
        if match:
            items.append(match[2])
        else:
            items[-1] += " " + line.strip()
    first = BULLET.fullmatch(lines[0])
    tag = "ol" if first and first[1] else "ul"
    return f"<{tag}>{''.join(f'<li>{inline(item)}</li>' for item in items)}</{tag}>"
