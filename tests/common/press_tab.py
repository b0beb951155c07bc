"""Types a line into an interactive shell and presses Tab until the expected texts are shown.

Arguments: the shell's command, a line that sets it up, the line to complete, the expected texts.
Prints the terminal's output; exits with 1 if a text is not shown within 30 seconds.
"""

import os
import pty
import select
import sys
import time

shell, setup, line, *expected = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(shell.split()[0], shell.split())
output = b""


def wait_for(texts, seconds):
    """Reads until all texts are shown."""
    global output
    end = time.monotonic() + seconds
    while not all(text.encode() in output for text in texts):
        if time.monotonic() > end:
            return False
        if select.select([terminal], [], [], 0.2)[0]:
            output += os.read(terminal, 65536)
    return True


# The shell prints the quotes when it echoes the line, and not when it runs it.
os.write(terminal, f"stty rows 50 cols 200; {setup}; echo rea''dy\n".encode())
found = wait_for(["ready"], 30)
output = b""
os.write(terminal, line.encode() + b"\t")
# A second Tab lists the candidates if there are several.
found = found and (wait_for(expected, 3) or os.write(terminal, b"\t") and wait_for(expected, 27))
print(output.decode(errors="replace"))
os.kill(child, 9)
sys.exit(0 if found else 1)
