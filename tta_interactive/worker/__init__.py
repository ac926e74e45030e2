"""The detached process that runs tasks, and the helpers around each attempt."""
