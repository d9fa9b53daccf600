"""An engine that builds containers with one wall less than brig asked for."""
import json
import os
import re
import socket
import threading

ENGINE = os.environ.get("BRIG_TEST_ENGINE", "/var/run/docker.sock")


def read_request(client):
    """Head and body of the first request of a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(65536) or b"\r\n\r\n"
    head, body = data.split(b"\r\n\r\n", 1)
    size = re.search(rb"(?i)content-length: *(\d+)", head)
    while size and len(body) < int(size[1]):
        body += client.recv(65536)
    return head, body


def pass_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class EngineProxy:
    """Listens at `path`; `edit` changes the body of every create call, one a connection as brig makes them."""

    def __init__(self, path, edit):
        self.edit = edit
        self.edited = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def _serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            head, body = read_request(client)
            if head.startswith(b"POST") and b"/containers/create" in head.split(b"\r\n")[0]:
                spec = json.loads(body)
                self.edit(spec)
                self.edited += 1
                body = json.dumps(spec).encode()
                head = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(body), head)
            engine.sendall(head + b"\r\n\r\n" + body)
            back = threading.Thread(target=pass_on, args=(engine, client), daemon=True)
            back.start()
            pass_on(client, engine)
            back.join()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
