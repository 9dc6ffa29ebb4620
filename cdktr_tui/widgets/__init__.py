"""What draws. Knows lines and rows, nothing of workflows."""
