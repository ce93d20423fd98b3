"""`python -m benchmarks.echo SOCKET N`: answers whatever it is asked with N bytes."""

import socket
import sys
from pathlib import Path

if __name__ == "__main__":
    path, answer = sys.argv[1], b"x" * int(sys.argv[2])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        Path(f"{path}.new").rename(path)  # whoever sees it can connect
        connection, _ = listener.accept()
    with connection:
        while connection.recv(1 << 16):
            connection.sendall(answer)
