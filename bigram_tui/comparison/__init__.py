"""Several runs side by side, each compared with a reference."""
