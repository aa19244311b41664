"""Runs a backend in a process of its own, so that nothing it does can harm the program."""
