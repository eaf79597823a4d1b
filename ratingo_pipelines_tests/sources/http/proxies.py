"""Tiny proxies, and a server behind TLS, on ports of this machine."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

from ratingo_pipelines_tests.sources.http.misbehaving import Server, misbehaving_server

USER = b"somebody"
PASSWORD = b"proxy-canary"


@dataclass
class TinyProxy:
    """A running proxy; `heard` is what it read itself, rather than passed on."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    targets: list[str] = field(default_factory=list)


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def join(client: socket.socket, upstream: socket.socket) -> None:
    """Pass on in both directions until both are done."""
    thread = Thread(target=pump, args=(client, upstream), daemon=True)
    thread.start()
    pump(upstream, client)
    thread.join()


class HttpProxy(StreamRequestHandler):
    """Takes whole URLs, and CONNECT."""

    proxy: TinyProxy

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        self.proxy.heard += head
        method, target, _ = head.split(b"\r\n")[0].decode().split()
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        self.proxy.targets.append(f"{url.hostname}:{url.port}")
        with socket.create_connection((url.hostname or "", url.port or 80)) as upstream:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                # A server takes a whole URL as well: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2.
                upstream.sendall(head)
            join(self.connection, upstream)


class Socks5Proxy(StreamRequestHandler):
    """Takes names and addresses, from whoever names `USER` and `PASSWORD`: RFC 1928, 1929."""

    proxy: TinyProxy

    def handle(self) -> None:
        _, count = self.rfile.read(2)
        assert 2 in self.rfile.read(count), "a password is offered"
        self.wfile.write(b"\x05\x02")
        _, length = self.rfile.read(2)
        user = self.rfile.read(length)
        password = self.rfile.read(self.rfile.read(1)[0])
        self.wfile.write(b"\x01\x00" if (user, password) == (USER, PASSWORD) else b"\x01\x01")
        kind = self.rfile.read(4)[3]
        host = socket.inet_ntoa(self.rfile.read(4)) if kind == 1 else self.rfile.read(self.rfile.read(1)[0]).decode()
        port = int.from_bytes(self.rfile.read(2), "big")
        self.proxy.targets.append(f"{host}:{port}")
        with socket.create_connection((host, port)) as upstream:
            self.wfile.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            join(self.connection, upstream)


@contextmanager
def running_proxy(kind: type[StreamRequestHandler]) -> Iterator[TinyProxy]:
    with listening(type("Bound", (kind,), {"proxy": (proxy := TinyProxy())})) as port:
        proxy.port = port
        yield proxy


@contextmanager
def listening(handler: Callable[..., StreamRequestHandler]) -> Iterator[int]:
    class Listener(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that hang up are no news."""

    with Listener(("127.0.0.1", 0), handler) as listener:
        Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield int(listener.server_address[1])
        finally:
            listener.shutdown()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of our own for this machine, and its key."""
    paths = folder / "certificate.pem", folder / "key.pem"
    options = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-out", str(paths[0]), "-keyout", str(paths[1])]
    command = ["openssl", "req", "-x509", *options.split(), *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return paths


@contextmanager
def misbehaving_server_behind_tls(folder: Path) -> Iterator[tuple[Server, int, Path]]:
    """The misbehaving server, the port where it is reached by TLS, and the certificate to trust."""
    trusted, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, key)
    with misbehaving_server() as server:

        class Unwrapping(StreamRequestHandler):
            def handle(self) -> None:
                with (
                    context.wrap_socket(self.connection, server_side=True) as plain,
                    socket.create_connection(("127.0.0.1", server.port)) as upstream,
                ):
                    join(plain, upstream)

        with listening(Unwrapping) as port:
            yield server, port, trusted
