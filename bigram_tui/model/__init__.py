"""The bigram model: counts, loss, samples, and torch's random numbers without torch."""
