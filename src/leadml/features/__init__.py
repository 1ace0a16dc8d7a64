"""Features: one file a family, Ibis expressions only, known strictly before the cutoff."""
