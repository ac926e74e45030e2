"""Other durable task queues beside ours, in one run: `python -m benchmarks.peers`."""
