"""JavaScript's regular expressions, run by the `regex` package where it agrees, else by our own backtracking."""
