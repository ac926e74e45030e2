"""The door for coding agents: the task list of `tta_interactive` over the Model Context Protocol.

Nothing is imported here: `import mcp_server` must not cost what the server costs.
"""
