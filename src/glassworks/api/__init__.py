"""The verbs in Python; the command line calls the same functions. Nothing heavy is imported early."""
