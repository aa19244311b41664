"""Pure functions from arrays to Strips; they know no widget."""
