"""The command line: arguments, streams, signals, and the program without a screen."""
