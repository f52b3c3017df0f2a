"""What the commands of one RUN line share: where each stands, what they leave, and running them here."""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from culm.deploy.build import files, hosted
from culm.deploy.build.context import ImageFile
from culm.deploy.build.hosted import BuildHost, Job
from culm.deploy.build.plan import Left
from culm.deploy.build.programs import FILES, OF_THE_BASE, builds, named
from culm.deploy.build.shell import Command
from culm.deploy.build.stage import BuildStage, Lost

ENGINE_HINT = "start a container engine and use the docker runtime: culm up --runtime docker"


@dataclass
class RunLine:
    """One RUN line, gone through."""

    stage: BuildStage
    line: int
    text: str
    """As it is shown."""
    file: str
    host: BuildHost
    fail: Callable[[int, str, str], NoReturn]
    active: str | None = None
    folders: dict[tuple[int, ...], str] = field(default_factory=dict)
    """Where each subshell stands."""
    nested: int = 0
    """How many scripts, one in the other, are being followed."""
    left_out: bool = False
    by_host: bool = False

    @property
    def left(self) -> Left:
        """What is said of this line when it is not carried out."""
        return Left(line=self.line, text=self.text)

    def folder(self, subshell: tuple[int, ...] = ()) -> str:
        """Return where a subshell stands: where its last `cd` went, or the one around it stands."""
        for length in range(len(subshell), -1, -1):
            if subshell[:length] in self.folders:
                return self.folders[subshell[:length]]
        return self.stage.workdir

    def matching(self, pattern: str) -> list[str]:
        """Return the files that a pattern means, relative as it is itself; the pattern where it means none."""
        folder = self.folder()
        paths = files.named_files(self.stage, pattern, folder)
        near = f"{folder.rstrip('/')}/"
        return sorted(p if pattern.startswith("/") else p.removeprefix(near) for p in paths) or [pattern]

    def exists(self, letter: str, path: str) -> bool:
        """Return whether a file test of the shell holds: `letter` is `f`, `d`, `e`, `x` or `s`."""
        absolute = self.stage.absolute(path, self.folder())
        known = self.stage.tree.get(absolute)
        if letter == "d":
            return self.stage.is_folder(absolute)
        return known is not None and (letter not in "fs" or known.kind == "file")

    def named_environment(self, command: Command) -> str | None:
        """Return the virtual environment that VIRTUAL_ENV names, None when the stage has none there."""
        named_path = command.environment.get("VIRTUAL_ENV")
        return named_path if named_path and self.stage.place_at(named_path) else None

    def execute(self, command: Command, folder: str, tool: tuple[str, ...] = ()) -> bool:
        """Run a command by this machine's programs, in a copy of the stage's files. Returns True.

        `tool` are the requirements of an installer that it needs, `poetry==1.8.3`. Raises CulmError when it fails.
        """
        stage = self.stage
        path = stage.variables["PATH"]
        if self.active:
            path = f"{self.active}/bin:{path}"
        places = () if hosted.is_node(command.argv) else tuple(stage.python_places())
        result = self.host.run(
            Job(
                where=f"{self.file}:{self.line}: RUN {' '.join(command.argv)}",
                argv=command.argv,
                environment={**stage.variables, **command.environment, "PATH": path},
                folder=folder,
                tree=dict(stage.tree),
                places=places,
                output=stage.absolute(command.output, folder) if command.output else "",
                append=command.append,
                tool=tool,
            )
        )
        stage.remove(result.gone)
        stage.add(dict(result.changed))
        self.by_host = True
        return True

    def link_program(self, path: str, to: str) -> None:
        """Put a symbolic link to a program into the stage."""
        self.stage.add({path: ImageFile(kind="link", mode=0o777, link=to)})

    def touches_the_image(self, command: Command, folder: str) -> bool:
        """Return whether a command names a file that the image was given."""
        words = [word for each in (command.pipeline or (command.argv,)) for word in each]
        return any(
            path in self.stage.tree and path not in ("/",)
            for word in words
            if (path := self.stage.absolute(word, folder))
            and (word.startswith((".", "/")) or posixpath.splitext(word)[1])
        )

    def unknown(self, command: Command, folder: str) -> None:
        """Leave a command out, and remember where its results would be."""
        self.left_out = True
        words = " | ".join(" ".join(argv) for argv in command.pipeline or (command.argv,))
        left = Left(line=self.line, text=f"RUN {words}")
        if builds(command.argv) or hosted.is_node(command.argv):
            self.stage.builds.append(left)
        output = output_of(command)
        if output:
            self.stage.lost.append(Lost(left=left, path=self.stage.absolute(output, folder)))
        elif named(command.argv[0]) in OF_THE_BASE:
            return
        elif (
            named(command.argv[0]) in FILES
            or builds(command.argv)
            or hosted.is_node(command.argv)
            or self.touches_the_image(command, folder)
        ):
            self.stage.lost.append(Lost(left=left, path=folder))


def output_of(command: Command) -> str:
    """Return the file or folder that a download or an archive is put into; empty where the command does not say so."""
    if command.output:
        return command.output
    name = named(command.argv[0])
    words = list(command.argv[1:])
    flags = {
        "curl": ("-o", "--output"),
        "wget": ("-O", "--output-document"),
        "tar": ("-C", "--directory"),
        "unzip": ("-d",),
        "go": ("-o",),
    }
    for index, word in enumerate(words):
        for flag in flags.get(name, ()):
            if word == flag or (len(flag) == 2 and re.fullmatch(rf"-[A-Za-z]*{flag[1]}", word)):
                return words[index + 1] if index + 1 < len(words) else ""
            if word.startswith(f"{flag}=") or (word.startswith(flag) and len(flag) == 2 and len(word) > 2):
                return word.removeprefix(flag).removeprefix("=")
    if name == "git" and "clone" in words:
        return next((w for w in reversed(words) if not w.startswith("-") and "://" not in w and w != "clone"), "")
    return ""
