"""RUN lines: what becomes of each command on a host.

Python installs          followed: which prefix they fill, from which files (`installs.py`)
cp, mv, mkdir, echo > f  done upon the stage's files (`files.py`)
npm, python manage.py    done by this machine's own programs in a copy of these files (`hosted.py`)
go build                 compiled by this machine's Go (`gobuild.py`)
apt-get, useradd, ...    concern the base image, which a host does not have: left out, with a note
all else                 left out; an error when the service needs what it would have made (`start.py`)

`commands.py` takes each command to `python.py` or `programs.py`; `line.py` is what they share.
"""

from culm.deploy.build.run.commands import carry_out
from culm.deploy.build.run.line import ENGINE_HINT, RunLine
from culm.deploy.build.run.python import UV_INSTALLER

__all__ = ["ENGINE_HINT", "UV_INSTALLER", "RunLine", "carry_out"]
