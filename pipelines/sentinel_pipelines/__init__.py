"""Training, evaluation and the flows that keep models fresh."""
