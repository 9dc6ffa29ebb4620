"""What is known of a principal, folded from pages and facts. Pure: no socket, no clock."""
