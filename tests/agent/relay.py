"""Stand between a host and a server on standard input: write down what the server is asked.

python relay.py FILE COMMAND...
"""

import subprocess
import sys


def main(path: str, command: list[str]) -> int:
    with (
        open(path, "ab", buffering=0) as seen,
        subprocess.Popen(command, stdin=subprocess.PIPE) as server,
    ):
        assert server.stdin
        for line in sys.stdin.buffer:
            seen.write(line)
            server.stdin.write(line)
            server.stdin.flush()
        server.stdin.close()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
