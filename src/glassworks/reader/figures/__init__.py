"""The figures of the chapters: one idea a file, each a class of `reader.figure.Figure`."""
