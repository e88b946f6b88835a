"""Glassworks: build, train, judge and use AI models, from code you can read.

    import glassworks as gw
    run = gw.train("cnn", data="photos/")

The verbs are those of the command line. Torch is loaded when a verb first needs it.
"""

__version__ = "0.1.0"

VERBS = ("list_systems", "info", "check", "train", "load", "evaluate", "predict", "compare", "samples", "doctor")


def __getattr__(name: str):
    if name in VERBS:
        from glassworks import api

        return getattr(api, name)
    raise AttributeError(f"module 'glassworks' has no attribute {name!r}")


def __dir__():
    return [*VERBS, "__version__"]
