"""All kernels that count a text. To import them compiles them, so do it through `loading`.

Each does what NumPy does elsewhere in several passes; tests/kernels compares the two. The machine
code is kept in the folder NUMBA_CACHE_DIR.
"""

from bigram_tui.kernels.counting import ASCII_ROOM, ascii_pairs, count_codes, decode_lines
from bigram_tui.kernels.lines import keep_lines, move_slots

__all__ = [
    "ASCII_ROOM",
    "ascii_pairs",
    "count_codes",
    "decode_lines",
    "keep_lines",
    "move_slots",
]
