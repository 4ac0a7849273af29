"""The command line: a shell, and the commands that the core brings."""
