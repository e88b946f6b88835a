"""Exercises of the part on sequences and text: one module for each chapter, named like it."""
