"""What a task, a name or a file may say to a terminal to steer it: one corpus for all who draw."""
