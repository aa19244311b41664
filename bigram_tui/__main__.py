"""`python -m bigram_tui`."""

from bigram_tui.cli.main import main

if __name__ == "__main__":
    main()
