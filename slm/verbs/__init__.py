"""The verbs of the command line, a file a chapter; as `__main__`, they may import everything."""
