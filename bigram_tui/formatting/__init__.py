"""Numbers and text as they are shown."""
