"""From files and pipes to the counts of their bigrams."""
