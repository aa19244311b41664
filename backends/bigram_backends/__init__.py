"""The backends that come with bigram-tui; they register as anyone's do, by entry points."""
