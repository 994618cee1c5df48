"""JSON text to fields with their places, and the problems found on the way: the first station of the compiler."""
