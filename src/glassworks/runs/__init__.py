"""Runs of long work beside the book: a worker process each, events in a file, a queue, stop and resume."""

from glassworks.runs.manager import Runs

__all__ = ["Runs"]
