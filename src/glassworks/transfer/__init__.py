"""Transfer: a model that has learned one thing learns another. One technique a file."""
