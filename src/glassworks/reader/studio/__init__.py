"""The workbench in the browser: data in, a model out, by the verbs and on the runs of the command line."""
