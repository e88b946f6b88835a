"""The command line: `glassworks VERB …`. Exit 0, 2 for a person's mistake, 1 for our fault.

Only the verb that was asked for is imported, and torch only when that verb needs it.
"""

import importlib
import os
import sys
import traceback
from pathlib import Path

from glassworks import __version__
from glassworks.core.errors import PersonError, did_you_mean

# verb: (request, module with `run(request)`, what it does, example)
VERBS = {
    "list": ("ListRequest", "show", "the systems there are", "glassworks list image"),
    "info": ("InfoRequest", "show", "one system: idea, paper, cost, settings",
             "glassworks info cnn --side 64"),
    "check": ("CheckRequest", "examine", "what is in your data, and what is wrong with it",
              "glassworks check photos/ --page check.html"),
    "train": ("TrainRequest", "work", "train a system on sample data or your own",
              "glassworks train cnn --data photos/ --out runs/photos"),
    "finetune": ("FinetuneRequest", "transfer", "start from a pretrained model and teach it your pictures",
                 "glassworks finetune efficientnet --data photos/ --out runs/photos"),
    "cross-validate": ("CrossValidateRequest", "transfer", "judge every example once: for little data",
                       "glassworks cross-validate efficientnet --from imagenet --tune head --data photos/"),
    "learning-curve": ("LearningCurveRequest", "transfer", "what more examples would bring, and transfer",
                       "glassworks learning-curve efficientnet --data photos/"),
    "evaluate": ("EvaluateRequest", "work", "judge a run on data it has not seen; writes report.html",
                 "glassworks evaluate runs/photos"),
    "predict": ("PredictRequest", "work", "answer for files or folders",
                "glassworks predict runs/photos new/cat.jpg new/dog.jpg"),
    "embed": ("EmbedRequest", "work", "texts as vectors: those of like meaning point the same way",
              "glassworks embed bert:minilm reviews.csv --out vectors.npz"),
    "search": ("SearchRequest", "work", "pictures of a folder by words or by a picture, texts by meaning",
               'glassworks search runs/captions photos/ --text "a red flower"'),
    "generate": ("GenerateRequest", "write", "let a run that continues texts write",
                 'glassworks generate runs/austen "It is a truth" --temperature 0.8'),
    "compare": ("CompareRequest", "work", "runs side by side, with intervals of the differences",
                "glassworks compare runs/photos runs/photos-2"),
    "explain": ("ExplainRequest", "ship", "what a model looks at in a picture, and what its layers answer to",
                "glassworks explain runs/photos cat.jpg"),
    "export": ("ExportRequest", "ship", "files that run elsewhere, checked against the live model",
               "glassworks export runs/photos --to onnx --quantise int8"),
    "serve": ("ServeRequest", "ship", "answer over HTTP, with a page to drop pictures on",
              "glassworks serve runs/photos"),
    "plan": ("PlanRequest", "ship", "the memory that a model needs to answer and to learn",
             "glassworks plan resnet --variant 50"),
    "lab": ("LabRequest", "learn", "a claim of the book, run as an experiment with a measured verdict",
            "glassworks lab lines-of-the-loop --quick"),
    "samples": ("SamplesRequest", "examine", "real data that packages ship",
                "glassworks samples write faces --to photos"),
    "doctor": ("DoctorRequest", "examine", "look at this machine", "glassworks doctor"),
    "cache": ("CacheRequest", "examine", "show or clear what was decoded and fetched",
              "glassworks cache clear"),
    "book": ("BookRequest", "read", "the interactive book Secrets of AI Models, in a browser",
             "glassworks book learning_by_hand"),
    "tour": ("TourRequest", "work", "everything once, on real data, offline, in at most three minutes",
             "glassworks tour"),
}  # fmt: skip

FUNCTIONS = {"list": "list_"}  # verbs whose function has another name


def main(words: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    as_json = "--json" in words
    _print_any_letter()
    try:
        return _dispatch(words)
    except PersonError as error:
        return _tell(error, as_json)
    except BrokenPipeError:  # `glassworks list | head`
        _close_quietly()
        return 0
    except OSError as error:
        if error.filename is None:  # perhaps it was the output that could not be written
            _close_quietly()
        return _tell(_refused(error), as_json)
    except UnicodeEncodeError as error:
        return _tell(_unwritable_name(error), as_json)
    except KeyboardInterrupt:
        print("glassworks: stopped", file=sys.stderr)
        return 130
    except Exception:
        return _our_fault()


def _tell(error: PersonError, as_json: bool) -> int:
    """Print a person's mistake; exit code 2."""
    if as_json:
        from glassworks.cli.show import print_json

        print_json(error.as_json())
    print(f"glassworks: {error.code}\n{error.as_text()}", file=sys.stderr)
    return 2


def _refused(error: OSError) -> PersonError:
    """What the operating system does not allow: a read-only folder, a name too long, a disk that fails."""
    return PersonError(
        "system-refused",
        expected=f"that {str(error.filename or 'the output')[:200]} can be read or written",
        got=f"the system says: {error.strerror}",
        fix="check the path and its permissions, or choose another place (--out, or GLASSWORKS_CACHE)",
    )


def _unwritable_name(error: UnicodeEncodeError) -> PersonError:
    """A file name whose bytes are no text: from an old archive, or a terminal set to LANG=C."""
    name = str(error.object)[max(0, error.start - 40) : error.end + 40]
    return PersonError(
        "unwritable-name",
        expected="names of files and folders in UTF-8",
        got=name.encode("utf-8", "backslashreplace").decode(),
        fix="rename it, or run with PYTHONUTF8=1",
    )


def _print_any_letter() -> None:
    """A terminal without a letter (Windows' code pages, LANG=C) shows a question mark instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _close_quietly() -> None:
    """Nobody reads the output any more: what is left of it goes nowhere, also when Python ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _our_fault() -> int:
    """Print the traceback of the error in hand; exit code 1."""
    traceback.print_exc()
    print(
        "\nglassworks: this is a fault of ours, not of yours; please report the lines above",
        file=sys.stderr,
    )
    return 1


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"glassworks {__version__}")
        return 0
    verb, *rest = words
    if verb not in VERBS:
        raise PersonError(
            "unknown-verb",
            expected=f"a verb ({', '.join(VERBS)})",
            got=f'"{verb}"',
            fix=did_you_mean(verb, VERBS),
        )
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise PersonError(
            "no-folder", expected="a folder to work in", got="the one you are in was removed",
            fix="cd into one that exists",
        ) from error  # fmt: skip
    request_name, module, _, example = VERBS[verb]
    from glassworks.api import requests
    from glassworks.cli import flags

    request = flags.parse(getattr(requests, request_name), verb, example, rest)
    return getattr(
        importlib.import_module(f"glassworks.cli.{module}"), FUNCTIONS.get(verb, verb).replace("-", "_")
    )(request)


def overview() -> str:
    """What `glassworks --help` prints."""
    rows = [f"  {verb:<16}{what}" for verb, (_, _, what, _) in VERBS.items()]
    return "\n".join(
        [
            "usage: glassworks VERB [OPTIONS]",
            "",
            "Build AI models from scratch or from pretrained ones, judge them, look inside, ship them.",
            "",
            *rows,
            "",
            "Each verb answers --help with its options and an example.",
            "example:",
            "  glassworks tour",
        ]
    )
