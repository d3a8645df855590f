"""The other end of `fork_server`: start commands in real processes, send them signals, read their end."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER = Path(__file__).parent / "fork_server.py"


class ForkServer:
    """A context manager that runs the server."""

    def __init__(self, environment):
        self.environment = environment
        self.logs = tempfile.TemporaryDirectory()
        self.started = 0

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.logs.cleanup()

    def ask(self, request):
        """One request, one answer."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, arguments, **more):
        """Run `anaglyph <arguments>` in a child."""
        self.started += 1
        log = Path(self.logs.name) / f"{self.started}.txt"
        return Child(self, self.ask({"arguments": arguments, "log": str(log), **more}), log)


class Child:
    """One process."""

    def __init__(self, server, pid, log):
        self.server, self.pid, self.log = server, pid, log

    def wait(self):
        """Exit code; minus the signal's number where a signal ended it."""
        return self.server.ask({"wait": self.pid})

    def wait_until_stopped(self):
        """Block until it has reached the place where it was asked to `stop`."""
        assert self.server.ask({"stopped": self.pid}) == 0, self.text()

    def send(self, number):
        """Send a signal; the process stays a zombie until `wait`, so its number cannot be another's."""
        os.kill(self.pid, number)

    def send_group(self, number):
        """Send a signal to the process and its children, as a terminal does."""
        os.killpg(self.pid, number)

    def text(self):
        """Everything it printed."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def wait_for(self, path, *, seconds=60.0):
        """Block until it has made the file `path`."""
        for _ in range(int(seconds / 0.002)):
            if path.exists():
                return
            time.sleep(0.002)
        self.send(signal.SIGKILL)
        raise AssertionError(f"no '{path}' within {seconds} s; it printed: {self.text()}")
