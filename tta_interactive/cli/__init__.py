"""The `tta` command: the terminal's door to the one list of tasks."""
