"""What the screens are made of: each draws the value that its parent gives it."""
