"""The command line: `glassworks VERB …`. Exit 0, 2 for a person's mistake, 1 for our fault.

Only the verb that was asked for is imported, and torch only when that verb needs it.
"""

import importlib
import json
import os
import sys
import traceback

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
    "evaluate": ("EvaluateRequest", "work", "judge a run on data it has not seen; writes report.html",
                 "glassworks evaluate runs/photos"),
    "predict": ("PredictRequest", "work", "answer for files or folders",
                "glassworks predict runs/photos new/cat.jpg new/dog.jpg"),
    "compare": ("CompareRequest", "work", "runs side by side, with intervals of the differences",
                "glassworks compare runs/photos runs/photos-2"),
    "samples": ("SamplesRequest", "examine", "real data that packages ship",
                "glassworks samples write faces --to photos"),
    "doctor": ("DoctorRequest", "examine", "look at this machine", "glassworks doctor"),
    "cache": ("CacheRequest", "examine", "show or clear what was decoded and fetched",
              "glassworks cache clear"),
    "tour": ("TourRequest", "work", "everything once, on real data, offline, in about two minutes",
             "glassworks tour"),
}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    as_json = "--json" in words
    try:
        return _dispatch(words)
    except PersonError as error:
        return _tell(error, as_json)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # `glassworks list | head`
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - so that closing it says nothing
            return 0
        if error.filename is None:
            return _our_fault()
        return _tell(_refused(error), as_json)
    except KeyboardInterrupt:
        print("glassworks: stopped", file=sys.stderr)
        return 130
    except Exception:
        return _our_fault()


def _tell(error: PersonError, as_json: bool) -> int:
    """Print a person's mistake; exit code 2."""
    if as_json:
        print(json.dumps(error.as_json(), ensure_ascii=False))
    print(f"glassworks: {error.code}\n{error.as_text()}", file=sys.stderr)
    return 2


def _refused(error: OSError) -> PersonError:
    """What the operating system does not allow: a read-only folder, a name too long, a disk that fails."""
    return PersonError(
        "system-refused",
        expected=f"that {str(error.filename)[:200]} can be read or written",
        got=f"the system says: {error.strerror}",
        fix="check the path and its permissions; another place is chosen with --out (GLASSWORKS_CACHE for the cache)",
    )


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
    request_name, module, _, example = VERBS[verb]
    from glassworks.api import requests
    from glassworks.cli import flags

    request = flags.parse(getattr(requests, request_name), verb, example, rest)
    return getattr(importlib.import_module(f"glassworks.cli.{module}"), verb.replace("list", "list_"))(
        request
    )


def overview() -> str:
    """What `glassworks --help` prints."""
    rows = [f"  {verb:<10}{what}" for verb, (_, _, what, _) in VERBS.items()]
    return "\n".join(
        [
            "usage: glassworks VERB [OPTIONS]",
            "",
            "Build AI models from scratch, train them on your own data, judge and use them.",
            "",
            *rows,
            "",
            "Each verb answers --help with its options and an example.",
            "example:",
            "  glassworks tour",
        ]
    )
