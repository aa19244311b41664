"""Several runs side by side, each held against a reference."""
