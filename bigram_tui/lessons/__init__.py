"""What the lessons compute: they know corpora and runs, but no screen."""
