"""One file a system: `recipe(size, variant, facts)` returns everything a run needs, in one typed object."""
