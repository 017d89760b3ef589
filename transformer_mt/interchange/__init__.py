"""Models of other programs become runs, and runs become models of other programs."""
