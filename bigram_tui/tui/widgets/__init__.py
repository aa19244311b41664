"""The widgets: each draws the value that its screen gives it."""
