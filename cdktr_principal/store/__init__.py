"""What is on disk: the journal and its segments, snapshots, and keeping them in order."""
