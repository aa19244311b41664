"""Finds backends and trains them: runs with a timeline, each in a thread."""
