"""How numbers and text are written for people."""
