"""One file a foreign family: a map of names, used in both directions."""
