"""What `express` tells the shell: its exit statuses, and the exception that carries a message to the user.

Scripts branch on these numbers, so they are an interface: `express --help` prints them, and a number never changes
its meaning. When several apply, one that calls for a change of the input wins (BROKEN_INPUT over FAILED).
"""

from __future__ import annotations

from typing import Final

#: Everything asked for was done and every execution succeeded.
OK: Final = 0
#: An execution failed, timed out or was aborted, the definition is wrong, or a threshold of `bench` was missed.
FAILED: Final = 1
#: The command line is wrong, or a file it names cannot be used.
USAGE: Final = 2
#: Some lines of the events were no JSON; the others were executed.
BROKEN_INPUT: Final = 3
#: A bug of `express` itself (EX_SOFTWARE of sysexits.h).
INTERNAL: Final = 70
#: The terminal went away (128 + SIGHUP).
HUNG_UP: Final = 129
#: Interrupted with Ctrl-C (128 + SIGINT).
INTERRUPTED: Final = 130
#: The reader of the output went away (128 + SIGPIPE).
BROKEN_PIPE: Final = 141
#: Ended by SIGTERM (128 + SIGTERM).
TERMINATED: Final = 143

EPILOG: Final = """\
exit statuses:
  0    every execution succeeded
  1    an execution failed, the definition is wrong, or a threshold of bench was missed
  2    the command line or a file it names cannot be used
  3    some lines of the events were no JSON (the others were executed)
  70   a bug of express; run again with --debug for the traceback
  129  hung up: the terminal went away
  130  interrupted
  141  the reader of the output went away
  143  terminated
"""


class CommandError(Exception):
    """Ends a command: `message` goes to stderr, `hint` below it, and the process exits with `status`."""

    def __init__(self, message: str, *, status: int = USAGE, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.hint = hint
