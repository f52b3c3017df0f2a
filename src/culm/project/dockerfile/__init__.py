"""Dockerfiles as data: instructions with their lines, words with variables resolved, stages with what they inherit.

Read as BuildKit reads them. A Dockerfile goes through three steps: `lines` joins continuations, takes here-documents
out and splits off keywords and flags; `words` resolves quotes and variables; `stages` knows what a stage inherits from
the one that it builds on. Text is kept byte by byte: what is not UTF-8 travels as surrogate escapes.

https://docs.docker.com/reference/dockerfile/
"""

from culm.project.dockerfile.lines import DockerfileError, HereDocument, Instruction, parse, read
from culm.project.dockerfile.stages import Stage, command_of, exposed_ports, stages, until_stage
from culm.project.dockerfile.words import WordError, assignments, expand, resolved, words

__all__ = [
    "DockerfileError",
    "HereDocument",
    "Instruction",
    "Stage",
    "WordError",
    "assignments",
    "command_of",
    "expand",
    "exposed_ports",
    "parse",
    "read",
    "resolved",
    "stages",
    "until_stage",
    "words",
]
