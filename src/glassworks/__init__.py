"""Glassworks: build, train, judge, look into and ship AI models, from code you can read.

    import glassworks as gw
    run = gw.finetune("efficientnet", data="photos/")
    run.predict("new/cat.jpg")

The verbs are those of the command line. Torch is loaded when a verb first needs it.
"""

import importlib

__version__ = "0.6.1"

# verb: where it is, as module:name
VERBS = {
    "list_systems": "api.describe:list_systems",
    "info": "api.describe:info",
    "check": "api.examine:check",
    "samples": "api.examine:samples",
    "doctor": "api.examine:doctor",
    "train": "api.train:train",
    "finetune": "api.train:finetune",
    "cross_validate": "api.crossval:cross_validate",
    "learning_curve": "api.curve:learning_curve",
    "load": "api.run:load",
    "evaluate": "api.judge:evaluate",
    "compare": "api.compare:compare",
    "predict": "api.predict:predict",
    "embed": "api.vectors:embed",
    "search": "api.search:search",
    "generate": "api.writing:generate",
    "explain": "api.explain:explain",
    "export": "api.export:export",
    "serve": "api.serve:serve",
    "plan": "api.plan:plan",
    "lab": "labs:run",
    "open_book": "reader.launch:open_book",
}


def __getattr__(name: str):
    if name in VERBS:
        module, _, verb = VERBS[name].partition(":")
        return getattr(importlib.import_module(f"glassworks.{module}"), verb)
    raise AttributeError(f"module 'glassworks' has no attribute {name!r}")


def __dir__():
    return [*VERBS, "__version__"]
