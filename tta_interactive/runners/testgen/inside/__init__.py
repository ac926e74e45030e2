"""What runs inside the sandbox, beside the module under test: standard library only.

The folder is copied to scratch and imported as `_tta_inside`, so that the task's interpreter
needs nothing of ours and a module of the project can never be taken for one of these. For the
same reason the imports in here are relative.
"""
