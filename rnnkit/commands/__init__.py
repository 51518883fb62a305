"""Commands: the verbs of the command line, each from its arguments to what it prints."""
