"""Loops over bytes and characters that numba compiles, for texts that are large enough."""
