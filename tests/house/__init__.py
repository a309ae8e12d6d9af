"""Rules of the house: size, documents, generated files."""
