"""Looking inside: what a model costs, part by part."""
