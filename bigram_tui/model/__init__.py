"""The bigram model: counts, loss, samples, and the numbers of torch without torch."""
