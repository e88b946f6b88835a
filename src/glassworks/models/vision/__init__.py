"""Systems that take pictures."""
