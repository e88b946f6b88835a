"""The book: pages that run."""
