"""JavaScript's regular expressions, searched by the `regex` package where it agrees, else by our own backtracking."""
