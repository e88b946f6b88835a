"""Exercises of part two, image: one module for each chapter, named like it."""
