"""Computes properties of a text and a model directly, without training."""
