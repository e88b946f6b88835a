"""Exercises of part one, foundations: one module for each chapter, named like it."""
