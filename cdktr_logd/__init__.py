"""The recorder: stores the output of tasks and the facts of the principal, and answers for both."""
