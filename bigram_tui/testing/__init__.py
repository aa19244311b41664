"""The tests that every backend passes, as a class to inherit. It imports no test framework."""

from bigram_tui.testing.backend_tests import BackendTests

__all__ = ["BackendTests"]
