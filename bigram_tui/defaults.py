"""Values that hold where the user gives no other, and the limits of these; imports nothing."""

LECTURE_SEED = 2147483647
"""The seed of the makemore lecture, of weights, samples and splits."""

MAX_VOCABULARY = 2_048
"""The most tokens of a model; with more characters, the rarest share a token.

Each of its tables then takes 32 MiB at most.
"""

LARGEST_VOCABULARY = 32_768
"""The most tokens that can be asked for, and the most different characters that are counted.

The table of counts then takes 8 GiB, and a model several times as much.
"""

WORD = "emma"
"""The first word of the lecture's names, with which its examples are made."""

STEP_TIMEOUT = 120
"""Seconds that a backend may take for a step, or for being loaded, without a screen."""
