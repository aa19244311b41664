"""What can be computed of a text and a model at once, without training."""
