"""swarm on a real pseudo-terminal whose screen can be read."""
import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time

import pyte
import pytest

from conftest import PATIENCE, die_with_parent


class Screen(pyte.Screen):
    """Knows whether a line ever ran over its end."""
    wrapped = 0

    def draw(self, data):
        before = self.cursor.y
        super().draw(data)
        self.wrapped += self.cursor.y != before


class Terminal:
    """A program in a session of its own, as a terminal would run it.  With
    `shell` it is started by an interactive shell, for job control."""

    def __init__(self, argv, columns=80, rows=24, env=None, stdout=None):
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("SWARM_", "LOCUST_"))
                 and k not in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
        clean.update({"LANG": "C.UTF-8", "TERM": "xterm", "PS1": "READY$ "},
                     **(env or {}))
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.lock = threading.Lock()
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                die_with_parent()
                for fd in (0, 1, 2):
                    os.dup2(slave, fd)
                if stdout is not None:
                    os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT, 0o600),
                            1)
                os.execvpe(argv[0], [str(a) for a in argv], clean)
            finally:
                os._exit(127)
        self.slave = slave
        self.status = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            with self.lock:
                self.bytes += data
                self.stream.feed(data)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        with self.lock:
            self.screen.resize(rows, columns)

    def type(self, text):
        os.write(self.master, text.encode())

    @property
    def lines(self):
        with self.lock:
            return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, condition, what, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"waited in vain for {what}:\n{self.text}")
            time.sleep(0.02)

    def wait_text(self, part, timeout=PATIENCE):
        self.wait_for(lambda: part in self.text, repr(part), timeout)

    def wait(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                pytest.fail(f"still running:\n{self.text}")
            else:
                time.sleep(0.02)
        # What it wrote last has to come through.
        before = -1
        while before != len(self.bytes):
            before = len(self.bytes)
            time.sleep(0.1)
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(self.pid, 0)
        os.close(self.slave)
        os.close(self.master)
