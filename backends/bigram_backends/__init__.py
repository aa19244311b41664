"""The backends that come with bigram-tui, registered by entry points as every plugin is."""
