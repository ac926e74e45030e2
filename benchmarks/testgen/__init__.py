"""How good the generated tests are, on modules of well-known packages: `make bench-testgen`.

modules.py      which modules, of which releases, and why these
environment.py  the virtual environments that the bench makes for itself
one.py          one module, one tool, through the real kind `tests` (runs in there)
runs.py         all of them, two at a time, each result kept for the next time
shuffle.py      all kept files at once under plain pytest, in a random order
table.py        the figures as Markdown
"""
