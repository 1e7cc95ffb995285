"""The command line: one file a command, arguments and one function each. Only this layer prints."""
