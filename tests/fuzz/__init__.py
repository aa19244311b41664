"""Random users: keys, typing, mouse and window, in any order and at any moment."""
