"""What requests may carry, and what can be asked: checks, rows, reasons, long polls."""
