"""The terminal that is drawn on: what reaches it and how fast, and what that asks of Textual."""
