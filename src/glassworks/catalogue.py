"""The one table of what Glassworks holds. `list`, `info`, the README and the ladder of tests read it.

Strings only: nothing is imported, so `glassworks list` answers at once. A system is added by adding its
row here, its file under `models/`, its recipe and its test, all with the same name.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One row.

    name:      the stem that its model, recipe, test and chapter share
    kind:      "system" (trains on data), "layer", "method" or "tool"; the ladder of tests follows it
    domain:    image, language, audio, video, reasoning, coding, security, biology
    idea:      one sentence for a person who has not met it
    module:    where its code is
    task:      what it is trained to do, in the field's words
    variants:  architectures for --variant, the first is the default
    built_on:  systems whose code it imports
    weights:   registered names for --from
    chapter:   part/slug of the chapter that first uses it, "" where there is none yet
    reference: the maintained library or rule that its parity test compares with
    paper:     author, year, title or arXiv number
    licence:   of the code and of registered weights
    """

    name: str
    kind: str
    domain: str
    idea: str
    module: str
    task: str
    variants: tuple[str, ...]
    built_on: tuple[str, ...]
    weights: tuple[str, ...]
    chapter: str
    reference: str
    paper: str
    licence: str


CATALOGUE = (
    Entry(
        name="cnn",
        kind="system",
        domain="image",
        idea="Small filters slide over the picture, stage by stage, and find edges, shapes and parts.",
        module="glassworks.models.vision.cnn",
        task="image-classification",
        variants=("four-layer", "two-layer", "two-layer-improved"),
        built_on=(),
        weights=(),
        chapter="foundations/the_training_loop",
        reference="torch.nn and a convolution written out as loops",
        paper="LeCun et al. 1998; Simonyan & Zisserman 2014, arXiv 1409.1556",
        licence="Apache-2.0",
    ),
    Entry(
        name="lenet",
        kind="system",
        domain="image",
        idea="The first network that read handwriting for a living, in 61,706 numbers.",
        module="glassworks.models.vision.lenet",
        task="image-classification",
        variants=("modern", "classic"),
        built_on=(),
        weights=(),
        chapter="",
        reference="torch.nn",
        paper="LeCun, Bottou, Bengio, Haffner 1998",
        licence="Apache-2.0",
    ),
    Entry(
        name="resnet",
        kind="system",
        domain="image",
        idea="Each block adds a correction to what it was given, so that a hundred layers train like ten.",
        module="glassworks.models.vision.resnet",
        task="image-classification",
        variants=("18", "34", "50"),
        built_on=(),
        weights=("imagenet",),
        chapter="",
        reference="torchvision and timm",
        paper="He, Zhang, Ren, Sun 2015, arXiv 1512.03385",
        licence="Apache-2.0; weights BSD-3-Clause (torchvision)",
    ),
    Entry(
        name="efficientnet",
        kind="system",
        domain="image",
        idea="Cheap filters, and one rule by which depth, width and picture size grow together.",
        module="glassworks.models.vision.efficientnet",
        task="image-classification",
        variants=("lite0", "b0"),
        built_on=(),
        weights=("imagenet",),
        chapter="foundations/what_a_model_is",
        reference="torchvision and timm",
        paper="Tan & Le 2019, arXiv 1905.11946",
        licence="Apache-2.0; weights Apache-2.0 (lite0), BSD-3-Clause (b0, torchvision)",
    ),
    Entry(
        name="vit",
        kind="system",
        domain="image",
        idea="The picture is cut into squares and read as a sentence: every square looks at all others.",
        module="glassworks.models.vision.vit",
        task="image-classification",
        variants=("ti16", "s16", "s32", "b8", "b16", "b32", "l16"),
        built_on=(),
        weights=(),
        chapter="image/pictures_as_sentences",
        reference="torchvision, timm and transformers",
        paper="Dosovitskiy et al. 2020, arXiv 2010.11929",
        licence="Apache-2.0",
    ),
    Entry(
        name="mae",
        kind="system",
        domain="image",
        idea="Three quarters of each picture are hidden and guessed: what it learns so needs no labels.",
        module="glassworks.models.vision.mae",
        task="masked-image-modeling",
        variants=("b16", "l16", "s16", "ti16"),
        built_on=("vit",),
        weights=(),
        chapter="image/learning_without_labels",
        reference="transformers",
        paper="He et al. 2021, arXiv 2111.06377",
        licence="Apache-2.0",
    ),
    Entry(
        name="deit",
        kind="system",
        domain="image",
        idea="One token more in a Vision Transformer listens to a teacher that already knows how to look.",
        module="glassworks.models.vision.deit",
        task="image-classification",
        variants=("ti16", "s16", "b16"),
        built_on=("vit",),
        weights=(),
        chapter="image/teachers_and_students_deit",
        reference="timm and transformers",
        paper="Touvron et al. 2020, arXiv 2012.12877",
        licence="Apache-2.0",
    ),
    Entry(
        name="swin",
        kind="system",
        domain="image",
        idea="Squares look only within windows, which move between blocks: large pictures stay affordable.",
        module="glassworks.models.vision.swin",
        task="image-classification",
        variants=("t", "s", "b"),
        built_on=(),
        weights=(),
        chapter="image/windows_and_pyramids",
        reference="torchvision, timm and transformers",
        paper="Liu et al. 2021, arXiv 2103.14030",
        licence="Apache-2.0",
    ),
    Entry(
        name="pvt",
        kind="system",
        domain="image",
        idea="A pyramid: fine squares first, then fewer and wider ones, which all ask a smaller map.",
        module="glassworks.models.vision.pvt",
        task="image-classification",
        variants=("t", "s", "m", "l"),
        built_on=("vit",),
        weights=(),
        chapter="image/windows_and_pyramids",
        reference="transformers",
        paper="Wang et al. 2021, arXiv 2102.12122",
        licence="Apache-2.0",
    ),
    Entry(
        name="clip",
        kind="system",
        domain="image",
        idea="A picture and its caption are brought to the same place; any label you write is then a class.",
        module="glassworks.models.vision.clip",
        task="image-text-matching",
        variants=("b32", "b16", "l14", "lite0"),
        built_on=("vit", "efficientnet"),
        weights=(),
        chapter="image/pictures_and_words",
        reference="transformers",
        paper="Radford et al. 2021, arXiv 2103.00020",
        licence="Apache-2.0",
    ),
)

SYSTEMS = tuple(entry.name for entry in CATALOGUE if entry.kind == "system")
DOMAINS = tuple(dict.fromkeys(entry.domain for entry in CATALOGUE))


def find(name: str) -> Entry | None:
    """The row of a name, or None."""
    return next((entry for entry in CATALOGUE if entry.name == name), None)


def foreign(name: str) -> Entry:
    """The row of a picture model of timm, by its name there."""
    return Entry(
        name=f"timm:{name}",
        kind="system",
        domain="image",
        idea="A model of the timm library with a head of ours, through the same verbs.",
        module="glassworks.transfer.timm_models",
        task="image-classification",
        variants=("timm",),
        built_on=(),
        weights=("imagenet",),
        chapter="",
        reference="timm",
        paper=f"see timm's page of {name}",
        licence="Apache-2.0; weights as their card says",
    )


def table() -> str:
    """The systems as a Markdown table, for the README."""
    lines = ["| system | domain | idea | variants | paper |", "|---|---|---|---|---|"]
    lines += [
        f"| `{entry.name}` | {entry.domain} | {entry.idea} | {', '.join(entry.variants)} | {entry.paper} |"
        for entry in CATALOGUE
    ]
    return "\n".join(lines)
