"""Looking at exports that nobody has described yet: what each table and column seems to be, and a mapping for them."""
