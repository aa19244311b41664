"""A Python in which torch is as good as not installed: a sitecustomize for a folder on its path."""

NO_TORCH = '''
"""Python imports a sitecustomize by itself; this one makes torch as good as not installed."""

import sys


class NoTorch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoTorch)
'''
