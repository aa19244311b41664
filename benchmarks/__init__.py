"""How fast and how large, each figure against its rival: `make bench` measures them all."""
