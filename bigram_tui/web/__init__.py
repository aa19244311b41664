"""Opens the explorer to browsers: the server, the process of each visitor, and the page."""
