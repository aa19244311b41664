"""How several runs stand to each other: frames in, columns, lines and curves out; no widget."""
