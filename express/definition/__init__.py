"""The first compiler stage: JSON text to fields with source positions, plus the problems found on the way."""
