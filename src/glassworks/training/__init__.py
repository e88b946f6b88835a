"""From a model and batches to a run folder: runtime, loop, schedule, checkpoint, log."""
