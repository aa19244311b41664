"""A terminal explorer for character-level bigram language models."""

__version__ = "0.1.0"
