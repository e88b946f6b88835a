"""What every floor stands on: errors, atomic files, keyed random numbers, row types, cache, pages.

Nothing here imports torch, so the command line can answer before torch is loaded.
"""
