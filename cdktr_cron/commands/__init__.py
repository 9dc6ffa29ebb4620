"""The commands of cdktr-cron, one a file: `usage`, the text that is parser and help, and `main`."""
