"""Turns frames of a comparison into the columns, lines and curves of the compare screen."""
