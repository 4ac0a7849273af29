"""Plain functions of the training flow; a notebook can call each."""
