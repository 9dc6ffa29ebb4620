"""What lies over a view and asks: choices, forms, words to type."""
