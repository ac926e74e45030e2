"""How a file of tests reads: same shapes in one table, telling names, the module's own order.

Everything here works on text alone. Nothing of the module or of a test is run.
"""
