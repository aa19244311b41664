"""Tables and losses as files."""
