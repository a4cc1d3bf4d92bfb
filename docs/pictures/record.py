"""Records Neovim with the plug-in in a terminal: keys go into a pty, what comes out is written as an asciicast, and termtosvg
makes it an SVG. `cargo xtask pictures` prepares the workspace and the scripted model, and starts this.

usage: record.py NVIM FILE FOLDER      makes FOLDER/nvim.svg (the recording) and FOLDER/nvim-review.svg (a still of the review)
"""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte

COLUMNS, LINES = 100, 30
INIT = """
vim.g.maplocalleader = ','
vim.o.termguicolors = true
vim.o.ruler, vim.o.showcmd, vim.o.swapfile = false, false, false
vim.o.statusline = '%f %= %{%v:lua.require("animus").statusline()%} '
vim.api.nvim_create_autocmd('User', { pattern = 'AnimusStatus', command = 'redrawstatus' })
require('animus').setup({ keymaps = true, height = 12 })
"""


class Terminal:
    """Neovim in a pty, with everything that it drew and when."""

    def __init__(self, command):
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.drawn = []
        self.child, self.end = pty.fork()
        if self.child == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(command[0], command)
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.start = time.monotonic()

    def read(self, seconds):
        """Takes what comes within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.end], [], [], left)[0]:
                data = os.read(self.end, 65536)
                self.drawn.append((time.monotonic() - self.start, data))
                # An answer that nobody asks for would be drawn as text.
                self.stream.feed(data)

    def shows(self, text):
        """Waits until the text stands on the screen."""
        until = time.monotonic() + 120
        while not any(text in line for line in self.screen.display):
            if time.monotonic() > until:
                sys.exit(f"{text!r} is not on the screen:\n" + "\n".join(self.screen.display))
            self.read(0.1)

    def type(self, keys, pause=0.07):
        """Types at the speed of a person."""
        for key in keys:
            os.write(self.end, key.encode())
            self.read(pause)

    def cast(self, path, since, until):
        """Writes an asciicast of what was drawn between two times; what came before is its first picture."""
        with open(path, "w") as file:
            file.write(json.dumps({"version": 2, "width": COLUMNS, "height": LINES}) + "\n")
            before = b"".join(data for at, data in self.drawn if at < since)
            rest = [(at - since, data) for at, data in self.drawn if since <= at <= until]
            for at, data in [(0.0, before), *rest]:
                file.write(json.dumps([round(at, 3), "o", data.decode(errors="replace")]) + "\n")

    def now(self):
        return time.monotonic() - self.start


def work(terminal):
    """The task that the recording shows; gives when it begins, when the review stands there, and when it ends."""
    terminal.shows("Animus idle")
    terminal.read(0.5)
    begin = terminal.now()
    terminal.read(1.0)
    terminal.type("5GV6j", 0.15)
    terminal.type(":Animus ask make total an iterator chain")
    terminal.type("\r")
    terminal.shows("[1/3] Look at the shop")
    terminal.type(":Animus steer keep it short\r", 0.04)
    terminal.shows("Allow once")
    terminal.read(1.6)
    terminal.type("3\r", 0.3)
    terminal.shows("The patch waits for your decision")
    terminal.read(1.5)
    terminal.type("gg]h", 0.25)
    terminal.shows("hunk 1/2")
    terminal.read(2.0)
    review = terminal.now()
    terminal.type(",ha", 0.2)
    terminal.shows("▏")
    terminal.read(1.0)
    terminal.type("]h", 0.3)
    terminal.shows("hunk 2/2")
    terminal.read(1.2)
    terminal.type(",ha", 0.2)
    terminal.shows("pub fn taxed")
    terminal.read(2.0)
    return begin, review, terminal.now()


def render(cast, svg, *options):
    command = [sys.executable, "-m", "termtosvg", "render", cast, svg, "-t", "window_frame", *options]
    subprocess.run(command, check=True)


def main(nvim, file, folder):
    config = os.path.join(os.environ["XDG_CONFIG_HOME"], "nvim")
    os.makedirs(config, exist_ok=True)
    with open(os.path.join(config, "init.lua"), "w") as init:
        init.write(INIT)
    terminal = Terminal([nvim, file])
    begin, review, end = work(terminal)
    terminal.type("\x1b:qa!\r")
    os.waitpid(terminal.child, 0)
    with tempfile.TemporaryDirectory() as scratch:
        cast = os.path.join(scratch, "nvim.cast")
        terminal.cast(cast, begin, end)
        # Where nothing moves, as while tests run, the recording does not wait.
        render(cast, os.path.join(folder, "nvim.svg"), "-m", "90", "-M", "1600", "-D", "2500")
        terminal.cast(cast, review, review)
        stills = os.path.join(scratch, "stills")
        render(cast, stills, "-s")
        last = sorted(os.listdir(stills))[-1]
        os.replace(os.path.join(stills, last), os.path.join(folder, "nvim-review.svg"))


if __name__ == "__main__":
    main(*sys.argv[1:])
