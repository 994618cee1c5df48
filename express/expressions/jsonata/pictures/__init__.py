"""Pictures: the little languages in which JSONata says how numbers and dates are to be written and read."""
