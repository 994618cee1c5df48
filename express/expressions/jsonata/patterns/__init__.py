"""JavaScript regular expressions: read, searched with the `regex` package where it agrees, by backtracking where not."""
