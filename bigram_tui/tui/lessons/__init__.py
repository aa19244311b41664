"""The screens that show the lessons."""
