"""`cp`, `mv`, `ln`, `rm`, `mkdir`, `touch`, `chmod`, `echo > FILE` of RUN lines, upon a stage's files. Pure.

Each returns whether it could be done. What names only the base image's own files (`rm -rf /var/lib/apt/lists/*`)
changes nothing here, and counts as done.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from culm.deploy.build.context import ImageFile, made
from culm.deploy.build.shell import Command
from culm.deploy.build.stage import BuildStage, select

DONE, NOT_HERE, CANNOT = "done", "not here", "cannot"
"""`not here`: it concerns files that the image has from its base, if at all."""


def do(stage: BuildStage, command: Command, folder: str) -> str:
    """Carry out mkdir, rm, cp and the like on the image's tree. Returns DONE, NOT_HERE or CANNOT."""
    name = posixpath.basename(command.argv[0])
    flags = "".join(word.lstrip("-") for word in command.argv[1:] if re.match(r"-[A-Za-z]+$", word))
    words = [word for word in command.argv[1:] if not re.match(r"-(-[\w-]+(=.*)?|[A-Za-z]+)$", word)]
    match name:
        case "mkdir":
            return make_folders(stage, [w for w in words if not mode_of(command.argv, w)], folder)
        case "touch":
            paths = [stage.absolute(word, folder) for word in words]
            stage.add({path: made(b"") for path in paths if path not in stage.tree})
            return DONE
        case "chmod":
            return change_modes(
                stage,
                [w for w in command.argv[1:] if w not in ("-R", "-v", "-f", "--recursive")],
                folder,
                recursive="R" in flags,
            )
        case "ln":
            return link(stage, words, folder, symbolic="s" in flags)
        case "rm" | "rmdir":
            return remove(stage, words, folder)
        case "cp" | "mv":
            return copy(stage, words, folder, keep=name == "cp")
        case "install":
            return install(stage, command.argv[1:], folder)
    return CANNOT


def mode_of(argv: Sequence[str], word: str) -> bool:
    """Return whether a word is the value of an option such as `-m 755`."""
    index = list(argv).index(word)
    return argv[index - 1] in ("-m", "--mode")


def make_folders(stage: BuildStage, words: Sequence[str], folder: str) -> str:
    """Carry out `mkdir` with these words in `folder`; returns that it is done."""
    names = [name for word in words for name in braces(word)]
    paths = [stage.absolute(name, folder) for name in names]
    stage.add({path: ImageFile(kind="folder") for path in paths if not stage.is_folder(path)})
    return DONE


def braces(word: str) -> list[str]:
    """Return the words of bash's `{a,b}`."""
    match = re.search(r"\{([^{}]*,[^{}]*)\}", word)
    if match is None:
        return [word]
    return [name for part in match[1].split(",") for name in braces(word[: match.start()] + part + word[match.end() :])]


def named_files(stage: BuildStage, word: str, folder: str) -> list[str]:
    """Return the paths that a word names, a pattern's matches included."""
    return select(stage.tree, stage.absolute(word, folder))


def below(stage: BuildStage, path: str) -> list[str]:
    """Return the paths of the stage that are inside of this folder."""
    return [known for known in stage.tree if known.startswith(path.rstrip("/") + "/")]


def change_modes(stage: BuildStage, words: Sequence[str], folder: str, *, recursive: bool) -> str:
    """Do `chmod 755 FILE` or `chmod -R a+rX FOLDER`."""
    mode, *targets = words or [""]
    changed: dict[str, ImageFile] = {}
    for target in targets:
        for path in named_files(stage, target, folder):
            for each in [path, *(below(stage, path) if recursive else ())]:
                file = stage.tree[each]
                if file.kind != "link" and (new := changed_mode(mode, file)) is not None:
                    changed[each] = replace(file, mode=new)
    stage.add(changed)
    return DONE if changed else NOT_HERE


def changed_mode(mode: str, file: ImageFile) -> int | None:
    """Return the mode that `chmod MODE` gives the file, None for one that is not understood."""
    if re.fullmatch(r"[0-7]{3,4}", mode):
        return int(mode, 8) & 0o777
    result = file.mode
    for clause in mode.split(","):
        match = re.fullmatch(r"([ugoa]*)([-+=])([rwxXst]*)", clause)
        if match is None:
            return None
        who = match[1] or "a"
        bits = sum({"r": 4, "w": 2, "x": 1}.get(letter, 0) for letter in match[3])
        if "X" in match[3] and (file.kind == "folder" or file.mode & 0o111):
            bits |= 1
        mask = sum({"u": 0o100, "g": 0o010, "o": 0o001, "a": 0o111}[letter] for letter in set(who)) * bits
        whole = sum({"u": 0o700, "g": 0o070, "o": 0o007, "a": 0o777}[letter] for letter in set(who))
        result = {"+": result | mask, "-": result & ~mask, "=": result & ~whole | mask}[match[2]]
    return result & 0o777


def link(stage: BuildStage, words: Sequence[str], folder: str, *, symbolic: bool) -> str:
    """Carry out `ln` with two operands; CANNOT for other forms."""
    if len(words) != 2:
        return CANNOT
    target, name = words
    path = stage.absolute(name, folder)
    if stage.is_folder(path):
        path = posixpath.join(path, posixpath.basename(target))
    aimed = stage.absolute(target, posixpath.dirname(path) if symbolic else folder)
    if not symbolic:
        if aimed not in stage.tree:
            return NOT_HERE
        stage.add({path: stage.tree[aimed]})
        return DONE
    if path.startswith(("/etc/", "/dev/")) and aimed not in stage.tree:
        return NOT_HERE
    stage.add({path: ImageFile(kind="link", mode=0o777, link=target)})
    return DONE


def remove(stage: BuildStage, words: Sequence[str], folder: str) -> str:
    """Carry out `rm`: the paths and all below them, with the installed packages that stood there."""
    paths = [path for word in words for path in named_files(stage, word, folder)]
    stage.remove([each for path in paths for each in (*below(stage, path), path)])
    gone = [stage.absolute(word, folder).removesuffix("/*") for word in words]
    stage.wheels = {path: made for path, made in stage.wheels.items() if path not in gone}
    stage.places = [place for place in stage.places if place.path not in gone]
    return DONE


def copy(stage: BuildStage, words: Sequence[str], folder: str, *, keep: bool) -> str:
    """Carry out `cp` or `mv`; `keep` leaves the sources."""
    *sources, destination = words or [""]
    if not sources:
        return CANNOT
    target = stage.absolute(destination, folder)
    into = destination.endswith("/") or stage.is_folder(target) or len(sources) > 1
    files: dict[str, ImageFile] = {}
    gone: list[str] = []
    for source in sources:
        whole = source.endswith("/.")  # cp -r a/. b: what is in it
        paths = named_files(stage, source, folder)
        absolute = stage.absolute(source, folder)
        if overlaps(stage, absolute):
            return CANNOT
        if not paths:
            return (
                CANNOT
                if stage.under([posixpath.dirname(absolute)]) or absolute.startswith(stage.workdir + "/")
                else NOT_HERE
            )
        for path in paths:
            to = target if whole or not into else posixpath.join(target, posixpath.basename(path))
            files[to] = stage.tree[path]
            files |= {to + each[len(path) :]: stage.tree[each] for each in below(stage, path)}
            gone += [*below(stage, path), path]
    stage.add(files)
    if not keep:
        stage.remove(path for path in gone if path not in files)
    return DONE


def overlaps(stage: BuildStage, path: str) -> bool:
    """Return whether a path names Python packages or wheels, which are not files yet."""
    kept = [*(place.path for place in stage.places), *stage.wheels]
    bare = path.rstrip("*").rstrip("/")
    return any(
        f"{each}/".startswith(f"{bare}/") or (bare.startswith(f"{each}/") and bare not in stage.tree) for each in kept
    )


def install(stage: BuildStage, words: Sequence[str], folder: str) -> str:
    """Do `install -d FOLDER` or `install -m 755 FILE TO`."""
    mode, rest, folders = "755", [], False
    remaining = iter(words)
    for word in remaining:
        if word in ("-m", "--mode", "-o", "-g"):
            value = next(remaining, "")
            mode = value if word in ("-m", "--mode") else mode
        elif re.match(r"-\w*d\w*$", word):
            folders = True
        elif not word.startswith("-"):
            rest.append(word)
    if folders:
        return make_folders(stage, rest, folder)
    if len(rest) != 2:
        return CANNOT
    result = copy(stage, rest, folder, keep=True)
    if result == DONE:
        target = stage.absolute(rest[1], folder)
        path = posixpath.join(target, posixpath.basename(rest[0])) if stage.is_folder(target) else target
        change_modes(stage, [mode, path], folder, recursive=False)
    return result


def written(stage: BuildStage, command: Command, folder: str) -> bytes | None:
    """Return what `echo`, `printf` or `cat` sends to a file; None where only running it could tell."""
    name, *words = command.argv
    match posixpath.basename(name):
        case "echo":
            newline, escapes = True, True  # /bin/sh's echo knows escapes
            while words and re.fullmatch(r"-[neE]+", words[0]):
                newline = newline and "n" not in words[0]
                words = words[1:]
            text = " ".join(words)
            return ((unescaped(text) if escapes else text) + ("\n" if newline else "")).encode(errors="surrogateescape")
        case "printf":
            return formatted(words)
        case "cat":
            files = [path for word in words for path in named_files(stage, word, folder)]
            if len(files) < len(words) or not words:
                return None
            return b"".join(stage.tree[path].data() for path in files if stage.tree[path].kind == "file")
        case ":" | "true":
            return b""
    return None


def unescaped(text: str) -> str:
    """Return text as `printf` writes it: with its backslash escapes carried out."""
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a"}
    return re.sub(r"\\([ntra\\])", lambda m: escapes[m[1]], text)


def formatted(words: Sequence[str]) -> bytes | None:
    """Return what `printf '%s\\n' a b` prints: the format goes on as long as there are words."""
    if not words:
        return None
    form, *values = words
    holes = re.findall(r"%(.)", form)
    if any(hole not in "s%" for hole in holes):
        return None
    out = ""
    rest = list(values)
    while True:
        out += re.sub(r"%(.)", lambda m: "%" if m[1] == "%" else (rest.pop(0) if rest else ""), unescaped(form))
        if not rest or "s" not in holes:
            return out.encode(errors="surrogateescape")


def save(stage: BuildStage, path: str, content: bytes, *, append: bool) -> None:
    """Write or append to a file of the image; its mode stays."""
    known = stage.tree.get(path)
    before = known.data() if append and known is not None and known.kind == "file" else b""
    mode = known.mode if known is not None and known.kind == "file" else 0o644
    stage.add({path: made(before + content, mode)})
