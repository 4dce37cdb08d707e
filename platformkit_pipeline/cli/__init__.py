"""The command line: one module per command, argument parsing and printing only. What a command does stands in `operations`."""
