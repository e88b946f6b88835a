"""Glassworks: build, train, judge, look into and ship AI models, from code you can read.

    import glassworks as gw
    run = gw.finetune("efficientnet", data="photos/")
    run.predict("new/cat.jpg")

The verbs are those of the command line. Torch is loaded when a verb first needs it.
"""

import importlib

__version__ = "0.2.0"

VERBS = {
    "list_systems": "describe",
    "info": "describe",
    "check": "examine",
    "samples": "examine",
    "doctor": "examine",
    "train": "train",
    "finetune": "train",
    "cross_validate": "crossval",
    "learning_curve": "curve",
    "load": "run",
    "evaluate": "judge",
    "compare": "judge",
    "predict": "predict",
    "explain": "explain",
    "export": "export",
    "serve": "serve",
    "plan": "plan",
}


def __getattr__(name: str):
    if name in VERBS:
        return getattr(importlib.import_module(f"glassworks.api.{VERBS[name]}"), name)
    raise AttributeError(f"module 'glassworks' has no attribute {name!r}")


def __dir__():
    return [*VERBS, "__version__"]
