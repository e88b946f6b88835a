"""The verbs in Python. The command line calls the same functions; nothing heavy is imported before one runs."""
