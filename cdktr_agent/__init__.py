"""`cdktr-agent`: a network process and a supervisor that together run tasks on one machine.

Begin with `core` (what is decided), then `supervisor` (who owns the tasks)."""
