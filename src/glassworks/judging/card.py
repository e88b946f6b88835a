"""The card of a model: what it is, how good it is shown to be, what it was made from, and its limits.

Made from facts alone, as a plain dict, so that `card.json`, `card.md` and the report say the same. Training
writes it with the figures of the validation part; each `evaluate` puts in the figures of the part it judged
and counts a look at the test part, because a test part that is looked at often is no longer a fair judge.
The idea is that of Mitchell et al. 2019, "Model cards for model reporting" (1810.03993). The first thing to
change: LIMITS.

Schema 1 of card.json:
    schema, glassworks            1, the version that wrote it
    system, variant, model        catalogue name, architecture, {field: value} of the system's dataclass
    kind, classes                 "label", "labels", "number" or "none"; names in the order of the outputs
    input, sees                   the recipe's `input` as a dict, and in words ("texts of up to 256 words")
    parameters                    how many numbers were learnt, or None
    data                          {"source", "digest", "rows": {"train", "val", "test"}}
    started_from                  None (from scratch) or {"name", "licence", "sha256", …} of the weights
    threshold                     None or the dict of `judging.decisions`
    judged                        None or {"part", "n", "verdict"}
    metrics, baselines            {figure: {"value", "low", "high", "n"}}, {baseline: the same}
    test_looks                    how often the test part was judged
    limits, licence, command      sentences, a licence name or sentence, how it was made
"""

from collections.abc import Sequence

from glassworks import __version__
from glassworks.core.errors import PersonError
from glassworks.core.rows import Kind
from glassworks.judging.decisions import Threshold
from glassworks.judging.judgement import Judgement
from glassworks.judging.metrics import READABLE, written

SCHEMA = 1
LIMITS = (
    "It knows only the classes listed here, and says one of them for any {thing}.",
    "Its figures hold for {things} like those it was judged on; on others it may be much worse.",
    "It was not tested for decisions about people, nor for uses where a mistake does harm.",
)
DOES = {  # by the kind of what it learned from
    "label": "says to which of {given} classes a {thing} belongs: {names}",
    "labels": "says which of {given} labels a {thing} carries: {names}",
    "number": "estimates one number from a {thing}",
    "captions": "says which of some texts fits a picture best, and which of some pictures a text",
    "none": "learned from {things} without labels, by guessing parts that were hidden",
    "pairs": "writes another text for a text, such as its translation",
    "text": "continues a text, a token at a time",
    "words": "gives words places in a space, so that words of like use are neighbours",
    "forecast": "says how a series goes on, with intervals",
}
READ: dict[str, type | tuple[type, ...]] = {
    "system": str, "variant": str, "kind": str, "classes": list, "input": dict, "data": dict, "metrics": dict,
    "baselines": dict, "test_looks": int, "limits": list, "licence": str,
}  # fmt: skip
MAY_BE_NONE = ("parameters", "judged", "started_from", "threshold", "glassworks")
UNKNOWN_LICENCE = "not stated: it depends on the data and the weights it was made from"


def card(
    *,
    system: str,
    variant: str,
    model: dict,
    kind: Kind,
    classes: Sequence[str],
    seen: dict,
    sees: str,
    data: dict,
    parameters: int | None = None,
    started_from: dict | None = None,
    threshold: dict | None = None,
    judgement: Judgement | None = None,
    part: str = "val",
    limits: Sequence[str] = (),
    licence: str = UNKNOWN_LICENCE,
    command: str = "",
) -> dict:
    """A new card, in the schema above. `limits` are added to the general ones.

    seen: the recipe's `input` as plain values; sees: the same in words, beginning with "pictures", "texts"
        or "series"
    data: {"source": where, "digest": SHA-256 of the data, "rows": {"train": …, "val": …, "test": …}}
    """
    named = {"thing": thing_of(sees), "things": sees.split()[0]}
    general = [line.format(**named) for line in (LIMITS if kind in ("label", "labels") else LIMITS[1:])]
    made = {
        "schema": SCHEMA,
        "glassworks": __version__,
        "system": system,
        "variant": variant,
        "model": dict(model),
        "kind": kind,
        "classes": list(classes),
        "input": dict(seen),
        "sees": sees,
        "parameters": parameters,
        "data": dict(data),
        "started_from": started_from,
        "threshold": threshold,
        "judged": None,
        "metrics": {},
        "baselines": {},
        "test_looks": 0,
        "limits": [*general, *limits],
        "licence": licence,
        "command": command,
    }
    return made if judgement is None else with_judgement(made, judgement, part=part)


def check_card(card: dict, source: str) -> None:
    """Refuse a card that lacks what the program reads from it, in words. `source` names it in the message."""
    wrong = [name for name, kind in READ.items() if not isinstance(card.get(name), kind)]
    wrong += [name for name in MAY_BE_NONE if name not in card]
    wrong += ["kind"] if card.get("kind") not in DOES else []
    wrong += ["choices"] if not isinstance(card.get("choices", []), list) else []
    try:
        if card.get("threshold"):
            Threshold.from_json(card["threshold"])
        if card.get("kind") == "number":
            float(card["number"]["mean"]), float(card["number"]["std"])
    except (KeyError, TypeError, ValueError) as error:
        wrong.append(f"threshold or number ({error})")
    if wrong:
        raise PersonError(
            "damaged-run",
            expected="a card as Glassworks wrote it",
            got=f"{source}: {', '.join(wrong)} missing or of another kind",
            fix="restore the file from a copy; the run's checkpoints are not concerned",
        )


def with_judgement(card: dict, judgement: Judgement, *, part: str) -> dict:
    """A copy of the card with these figures; judging the part "test" counts as one more look at it."""
    shown = judgement.as_json()
    return {
        **card,
        "judged": {"part": part, "n": judgement.n, "verdict": judgement.verdict},
        "metrics": shown["metrics"],
        "baselines": shown["baselines"],
        "test_looks": card["test_looks"] + (part == "test"),
    }


def card_text(card: dict) -> str:
    """The card as Markdown, for card.md."""
    name = f"{card['system']} ({card['variant']})" if card["variant"] else card["system"]
    parts = [f"# {name}", _what_it_is(card), "## Figures", _figures(card), "## Data", _data(card)]
    parts += [
        "## How it was made",
        _how(card),
        "## Limits",
        "\n".join(f"- {line}" for line in card["limits"]),
    ]
    parts += ["## Licence", card["licence"]]
    return "\n\n".join(parts) + "\n"


def _what_it_is(card: dict) -> str:
    size, sees = card["input"], card.get("sees", "pictures")
    named = {"thing": thing_of(sees), "things": sees.split()[0]}
    classes = {"given": len(card["classes"]), "names": _listed(card["classes"])}
    does = DOES[card["kind"]].format(**named, **classes)
    count = f" It has {card['parameters']:,} parameters." if card["parameters"] else ""
    if "height" in size:
        colour = "grey" if size["channels"] == 1 else "colour"
        pixels = f"{size['height']} × {size['width']} {colour} pixels"
        sees = f'pictures as {pixels} (fit: "{size["fit"]}")'
    return f"A model that {does}. It sees {sees}.{count}"


def thing_of(sees: str) -> str:
    """One of what a model sees: picture, text, series."""
    things = sees.split()[0]
    return things if things == "series" else things.removesuffix("s")


def _listed(names: Sequence[str], most: int = 12) -> str:
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def _figures(card: dict) -> str:
    if card["judged"] is None:
        return "Not judged yet: run `glassworks evaluate` on its folder."
    judged, columns = card["judged"], ["this model", *card["baselines"]]
    part = {"val": "validation part", "test": "test part"}.get(judged["part"], judged["part"])
    lines = [
        "| figure | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for name, figure in card["metrics"].items():
        others = [_cell(name, rows.get(name)) for rows in card["baselines"].values()]
        lines.append(f"| {READABLE[name]} | " + " | ".join([_cell(name, figure), *others]) + " |")
    looks = card["test_looks"]
    seen = f"The test part was looked at {looks} time{'' if looks == 1 else 's'}."
    verdict = f"{judged['verdict'][:1].upper()}{judged['verdict'][1:]}."
    rows = "tokens" if card["kind"] == "text" else "rows"
    where = f"On {judged['n']:,} {rows} of the {part}, with 95 % intervals. {seen}"
    return f"{verdict}\n\n{where}\n\n" + "\n".join(lines)


def _cell(name: str, figure: dict | None) -> str:
    if figure is None:
        return "–"
    value = written(name, figure["value"])
    if figure["low"] is None or figure["high"] is None:
        return value
    ends = " to ".join(written(name, figure[end]).removesuffix(" %") for end in ("low", "high"))
    return f"{value} ({ends})"


def _data(card: dict) -> str:
    data = card["data"]
    lines = [f"- source: `{data.get('source', 'not stated')}`"]
    if data.get("digest"):
        lines.append(f"- digest (SHA-256): `{data['digest']}`")
    names = {"train": "training", "val": "validation", "test": "test"}
    if data.get("rows"):
        lines.append("- rows: " + ", ".join(f"{names.get(k, k)} {v:,}" for k, v in data["rows"].items()))
    return "\n".join(lines)


def _how(card: dict) -> str:
    start = card["started_from"]
    lines = []
    if start is None:
        lines.append("- trained from scratch")
    else:
        facts = ", ".join(f"{key} {value}" for key, value in start.items() if key != "name" and value)
        lines.append(f"- started from the weights {start.get('name', '')}" + (f" ({facts})" if facts else ""))
    if card["threshold"]:
        value = card["threshold"]["value"]
        told = ", ".join(f"{v:.3f}" for v in value) if isinstance(value, list) else f"{value:.3f}"
        lines.append(f"- decision threshold {told} (rule: {card['threshold']['rule']})")
    lines.append(f"- Glassworks {card['glassworks']}")
    text = "\n".join(lines)
    return f"{text}\n\n```\n{card['command']}\n```" if card["command"] else text
