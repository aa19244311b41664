"""Backends in training: found, run, remembered, each in a thread."""
