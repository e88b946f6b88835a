"""Systems that take sequences: texts and series."""
