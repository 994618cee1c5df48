"""Pictures: JSONata's format strings for writing and reading numbers and dates."""
