"""What the theory says, as things to compute: lessons that know corpora and runs, no screen."""
