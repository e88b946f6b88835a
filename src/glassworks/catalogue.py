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
        chapter="image/a_classifier_of_your_own",
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
        chapter="image/standing_on_shoulders",
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
    Entry(
        name="rnn",
        kind="system",
        domain="language",
        idea="Reads a series step by step and keeps what it needs in one state, which every step rewrites.",
        module="glassworks.models.sequence.rnn",
        task="time-series-classification",
        variants=("bidirectional", "forward"),
        built_on=(),
        weights=(),
        chapter="sequence/a_cell_with_memory",
        reference="torch.nn.RNN",
        paper="Elman 1990, Finding structure in time",
        licence="Apache-2.0",
    ),
    Entry(
        name="lstm",
        kind="system",
        domain="language",
        idea="A memory beside the state, and gates that decide what is forgotten, written and shown.",
        module="glassworks.models.sequence.lstm",
        task="time-series-classification",
        variants=("bidirectional", "forward"),
        built_on=(),
        weights=(),
        chapter="sequence/gates",
        reference="torch.nn.LSTM",
        paper="Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
        licence="Apache-2.0",
    ),
    Entry(
        name="gru",
        kind="system",
        domain="language",
        idea="The LSTM's idea with one state and two gates, a quarter fewer weights.",
        module="glassworks.models.sequence.gru",
        task="time-series-classification",
        variants=("bidirectional", "forward"),
        built_on=(),
        weights=(),
        chapter="sequence/gates",
        reference="torch.nn.GRU",
        paper="Cho et al. 2014, arXiv 1406.1078",
        licence="Apache-2.0",
    ),
    Entry(
        name="forecaster",
        kind="system",
        domain="language",
        idea="An LSTM reads a series' past and says what to add to its last season, with intervals.",
        module="glassworks.models.sequence.forecaster",
        task="time-series-forecasting",
        variants=("anchored", "plain"),
        built_on=("lstm",),
        weights=(),
        chapter="sequence/forecasting_honestly",
        reference="torch.nn.LSTM, and quantile losses and baselines written out as loops",
        paper="Hochreiter & Schmidhuber 1997; Wen et al. 2017, 1711.11053; Lai et al. 2017, 1703.07015",
        licence="Apache-2.0",
    ),
    Entry(
        name="text_lstm",
        kind="system",
        domain="language",
        idea="Reads a text token by token, guesses the next one each time, and so learns to write on.",
        module="glassworks.models.sequence.text_lstm",
        task="text-generation",
        variants=("character", "piece", "word"),
        built_on=("lstm",),
        weights=(),
        chapter="sequence/a_machine_that_writes",
        reference="torch.nn.Embedding, torch.nn.LSTM and torch.nn.Linear",
        paper="Mikolov et al. 2010; Zaremba et al. 2014, arXiv 1409.2329",
        licence="Apache-2.0",
    ),
    Entry(
        name="seq2seq",
        kind="system",
        domain="language",
        idea="One recurrent network reads a sentence, another writes it anew and looks back at each word.",
        module="glassworks.models.sequence.seq2seq",
        task="translation",
        variants=("additive", "multiplicative", "none"),
        built_on=("gru", "lstm", "transformer"),
        weights=(),
        chapter="sequence/attention",
        reference="torch.nn.GRU and torch.nn.LSTM, and attention written out as loops",
        paper="Sutskever et al. 2014, arXiv 1409.3215; Bahdanau et al. 2014, arXiv 1409.0473; "
        "Luong et al. 2015, arXiv 1508.04025",
        licence="Apache-2.0",
    ),
    Entry(
        name="transformer",
        kind="system",
        domain="language",
        idea="Words look at each other instead of waiting in line: read all at once, written one by one.",
        module="glassworks.models.sequence.transformer",
        task="translation",
        variants=("base", "big"),
        built_on=(),
        weights=(),
        chapter="sequence/the_transformer",
        reference="torch.nn.Transformer",
        paper="Vaswani et al. 2017, arXiv 1706.03762",
        licence="Apache-2.0",
    ),
    Entry(
        name="sentiment",
        kind="system",
        domain="language",
        idea="Words become vectors; two readers, one from each end, remember what says good or bad.",
        module="glassworks.models.sequence.sentiment",
        task="text-classification",
        variants=("lstm", "transformer"),
        built_on=("lstm", "transformer"),
        weights=(),
        chapter="sequence/good_or_bad",
        reference="torch.nn.Embedding and torch.nn.LSTM on packed texts",
        paper="Schuster & Paliwal 1997; Maas et al. 2011",
        licence="Apache-2.0",
    ),
    Entry(
        name="bert",
        kind="system",
        domain="language",
        idea="Reads a text in both directions, learned by guessing hidden words; then yours, in minutes.",
        module="glassworks.models.sequence.bert",
        task="fill-mask",
        variants=("tiny", "mini", "minilm", "base"),
        built_on=(),
        weights=("minilm",),
        chapter="sequence/reading_both_ways",
        reference="transformers",
        paper="Devlin et al. 2018, arXiv 1810.04805",
        licence="Apache-2.0; weights Apache-2.0 (all-MiniLM-L6-v2)",
    ),
    Entry(
        name="word2vec",
        kind="system",
        domain="language",
        idea="A word is known by its neighbours: guessing them gives each word its place in a space.",
        module="glassworks.models.sequence.word2vec",
        task="word-embedding",
        variants=("skip-gram", "cbow"),
        built_on=(),
        weights=(),
        chapter="sequence/words_as_vectors",
        reference="a loop over pairs, written out; gensim",
        paper="Mikolov et al. 2013, arXiv 1301.3781 and 1310.4546",
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
