"""From a container's Spec and its image to what its shim is told: program, environment, directory, user, bounds."""

import os
import platform
import pwd
import re
import resource
import shutil
import signal
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from culm.cluster.instance.runtime import programs
from culm.cluster.instance.runtime.interface import Port, Spec
from culm.cluster.instance.runtime.process import port_mapping, preload, scripts
from culm.cluster.instance.runtime.process.images import Image
from culm.cluster.instance.runtime.process.rootfs import INPUTS, Rootfs
from culm.cluster.instance.runtime.process.shim.files import CgroupPlan, Plan, PortPlan, ProbePlan
from culm.errors import RuntimeFailure

MEBIBYTE = 1024 * 1024
NAME_VARIABLE = "CULM_CONTAINER"
"""In the environment of each of a container's processes: by it they are found when their shim is gone."""
_REAL_TIME = re.compile(r"(RTMIN|RTMAX)([+-]\d+)?")
_SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")
"""Where base images have their programs; this machine may have the same ones elsewhere."""
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def order(
    spec: Spec,
    image: Image,
    rootfs: Rootfs,
    bound: tuple[Port, ...],
    cgroup: CgroupPlan | None,
) -> Plan:
    """Return what to start.

    Raises RuntimeFailure when it names a program or a directory that is not there, or asks for what a host lacks.
    """
    if spec.read_only:
        what = "host processes cannot be kept from writing in their image's files: readonlyRootFilesystem needs Docker"
        raise RuntimeFailure("CannotStartContainerError", what)
    spec, image = _with_peers(replace(spec, peers=tuple(peer for peer in spec.peers if peer.host_port)), image)
    for scratch in spec.scratch:
        rootfs.inside(scratch.path).mkdir(parents=True, exist_ok=True)
    environment = _environment(spec, image, rootfs, bound)
    directory = _directory(spec.working_directory or image.working_directory, rootfs)
    words = _words(spec, image)
    if not words:
        raise RuntimeFailure("CannotStartContainerError", "no command: neither the task nor the image names one")
    path = environment_of(spec, image).get("PATH", _DEFAULT_PATH)
    places = scripts.Places(
        rootfs=rootfs, directory=directory, path=path, ports=bound, address=spec.address, peers=spec.peers
    )
    scripts.adapt(words, places)
    argv = arguments(words, rootfs, bound, spec.address)
    executable, argv = resolve(argv, environment["PATH"], directory)
    return Plan(
        executable=executable,
        argv=argv,
        environment=environment,
        directory=str(directory),
        user=_user(spec.user or image.user, executable, rootfs),
        stop_signal=_signal(image.stop_signal),
        memory=spec.memory * MEBIBYTE if spec.memory is not None else None,
        cpu=spec.cpu,
        cgroup=cgroup,
        address=spec.address,
        ports=[PortPlan(container_port=port.container_port, host_port=port.host_port) for port in bound],
        probe=_probe(spec, rootfs, bound, environment["PATH"], directory),
        ulimits=_ulimits(spec),
        init=spec.init,
        input_open=spec.input_open,
        terminal=spec.terminal,
    )


def _with_peers(spec: Spec, image: Image) -> tuple[Spec, Image]:
    """Return both with the addresses of the task's other containers for `localhost` and their ports."""
    if not spec.peers:
        return spec, image

    def words(given: tuple[str, ...] | None) -> tuple[str, ...]:
        return tuple(port_mapping.rewrite_peers(word, spec.peers, spec.address) for word in given or ())

    def texts(given: Mapping[str, str]) -> dict[str, str]:
        return dict(zip(given, words(tuple(given.values())), strict=True))

    spec = replace(
        spec,
        entry_point=spec.entry_point and words(spec.entry_point),
        command=spec.command and words(spec.command),
        environment=texts(spec.environment),
        probe=spec.probe and replace(spec.probe, command=words(spec.probe.command)),
    )
    image = replace(
        image,
        entry_point=words(image.entry_point),
        command=words(image.command),
        environment=texts(image.environment),
    )
    return spec, image


def _ulimits(spec: Spec) -> list[tuple[str, int, int]]:
    """Return ulimits as (name, soft, hard); a hard one above the machine's needs root. Raises RuntimeFailure."""
    for limit in spec.ulimits:
        if not hasattr(resource, f"RLIMIT_{limit.name.upper()}"):
            raise RuntimeFailure("CannotStartContainerError", f"this machine has no ulimit {limit.name!r}")
    return [(limit.name, limit.soft_limit, limit.hard_limit) for limit in spec.ulimits]


def arguments(words: Sequence[str], rootfs: Rootfs, bound: Sequence[Port], address: str) -> list[str]:
    """Return the container's words, with its paths and ports as the host has them."""
    mapped = [rootfs.map(words[0])]
    for before, word in pairwise(words):
        is_script = before == "-c" and os.path.basename(words[0]) in scripts.SHELLS
        own = rootfs.map_script(word) if is_script else rootfs.map_text(word)
        mapped.append(port_mapping.rewrite_argument(own, bound, address, before))
    return mapped


def resolve(argv: Sequence[str], path: str, directory: Path) -> tuple[str, list[str]]:
    """Return the file to execute and its argv; a script whose interpreter is not where it says runs with the host's."""
    program, *rest = argv
    if "/" in program:
        file = os.path.join(directory, program)
        if not os.path.exists(file) and os.path.dirname(program) in _SYSTEM_FOLDERS:
            file = shutil.which(os.path.basename(program), path=path) or file
        if not os.path.exists(file):
            raise RuntimeFailure("CannotStartContainerError", f'exec: "{program}": no such file or directory')
        if not os.access(file, os.X_OK) or os.path.isdir(file):
            raise RuntimeFailure("CannotStartContainerError", f'exec: "{program}": permission denied')
    elif (on_path := shutil.which(program, path=path)) is not None:
        file = on_path
    else:
        raise RuntimeFailure("CannotStartContainerError", f'exec: "{program}": executable file not found in $PATH')
    head = _head(file)
    if head.startswith(b"#!") and (wrong := programs.why_not(head, platform.machine())) is not None:
        raise RuntimeFailure("CannotStartContainerError", f'exec: "{program}": {wrong}')
    interpreter, *options = _shebang(head)
    python = re.fullmatch(r"/usr(?:/local)?/bin/python[\d.]*", interpreter)
    if not interpreter or (os.path.exists(interpreter) and not python):
        return file, [program, *rest]
    instead = shutil.which(os.path.basename(interpreter), path=path)
    if instead is None:
        what = f'exec: "{program}": its interpreter {interpreter} is not on this machine'
        raise RuntimeFailure("CannotStartContainerError", what)
    return instead, [os.path.basename(interpreter), *options, file, *rest]


def _words(spec: Spec, image: Image) -> tuple[str, ...]:
    """Return the command line. An entry point in the task definition drops the image's command, as in Docker.

    https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
    """
    if spec.entry_point is not None:
        return (*spec.entry_point, *(spec.command or ()))
    return (*image.entry_point, *(image.command if spec.command is None else spec.command))


def environment_of(spec: Spec, image: Image) -> dict[str, str]:
    """Return the container's variables as the task and the image have them."""
    return {**image.environment, **spec.environment}


def _environment(spec: Spec, image: Image, rootfs: Rootfs, bound: Sequence[Port]) -> dict[str, str]:
    """Return the environment: of the host's only PATH, with a home and a scratch folder of the container's own.

    HOSTNAME is all that a process has of a container's `hostname`: what asks the kernel gets this machine's.
    """
    given = environment_of(spec, image)
    home, scratch = rootfs.inside("/root"), rootfs.inside("/tmp")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    own = {"HOME": str(home), "TMPDIR": str(scratch), "HOSTNAME": spec.hostname or spec.name}
    environment = own | port_mapping.rewrite_environment(rootfs.map_environment(given), bound, spec.address)
    environment["PATH"] = rootfs.search_path(given.get("PATH", _DEFAULT_PATH), os.environ.get("PATH", os.defpath))
    environment[NAME_VARIABLE] = spec.name
    if bound or spec.peers:
        folder = rootfs.inside(f"/{INPUTS}/preload")
        preload.place(folder)
        environment |= preload.environment(environment, bound, spec.address, folder, spec.peers)
    if rootfs.has_python:  # what `uv run` would sync is linked: other containers have it, too
        environment.setdefault("UV_NO_SYNC", "1")
    return environment


def _directory(path: str, rootfs: Rootfs) -> Path:
    """Made when it is missing, as Docker does."""
    directory = rootfs.inside(path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise RuntimeFailure("CannotStartContainerError", f"working directory {path}: not a directory") from error
    return directory


def _probe(spec: Spec, rootfs: Rootfs, bound: Sequence[Port], path: str, directory: Path) -> ProbePlan | None:
    probe = spec.probe
    if probe is None or probe.command[:1] == ("NONE",):
        return None
    kind, *words = probe.command
    words = ["/bin/sh", "-c", " ".join(words)] if kind == "CMD-SHELL" else words if kind == "CMD" else [kind, *words]
    mapped = [rootfs.map(words[0])]
    for before, word in pairwise(words):
        mapped.append(port_mapping.rewrite_probe(rootfs.map_text(word), bound, spec.address, before))
    words = mapped
    try:
        executable, argv = resolve(words, path, directory)
    except RuntimeFailure:  # as in Docker, a probe that cannot run is one that fails
        executable, argv = words[0], words
    return ProbePlan(
        executable=executable,
        argv=argv,
        interval=probe.interval,
        timeout=probe.timeout,
        retries=probe.retries,
        start_period=probe.start_period,
    )


def _user(user: str, executable: str, rootfs: Rootfs) -> tuple[int, int] | None:
    """Whom to become: only root can, only somebody whom the host knows, and who can reach the files."""
    name, _, _ = user.partition(":")
    if not name or os.geteuid() != 0:
        return None
    try:
        known = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        return None
    if known.pw_uid == 0 or not (_is_open(os.path.realpath(executable)) and _is_open(str(rootfs.root))):
        return None
    for folder, _, files in os.walk(rootfs.root):
        for entry in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(entry, known.pw_uid, known.pw_gid, follow_symlinks=False)
    return known.pw_uid, known.pw_gid


def _is_open(path: str) -> bool:
    """Return whether every user may pass through all folders above a path."""
    return all(os.stat(folder).st_mode & stat.S_IXOTH for folder in Path(path).parents)


def why_not(executable: str) -> str | None:
    """Return what is wrong with a program that could not be executed; None when its file does not tell."""
    try:
        return programs.why_not(_head(executable), platform.machine())
    except OSError:
        return None


def _head(file: str) -> bytes:
    with open(file, "rb") as program:
        return program.read(programs.HEAD_BYTES)


def _shebang(head: bytes) -> list[str]:
    line = head.partition(b"\n")[0]
    if not line.startswith(b"#!"):
        return [""]
    return line[2:].decode(errors="replace").strip().split(maxsplit=1) or [""]


def _signal(name: str) -> int:
    """Read an image's STOPSIGNAL: `SIGTERM`, `term`, `15`, `SIGRTMIN+3`. Raises RuntimeFailure for anything else.

    https://docs.docker.com/reference/dockerfile/#stopsignal
    """
    plain = name.strip().upper().removeprefix("SIG")
    number = 0
    if plain.isdecimal():
        number = int(plain)
    elif match := _REAL_TIME.fullmatch(plain):
        first, offset = match.groups()
        number = getattr(signal, f"SIG{first}", 0) + int(offset or 0)
    else:
        number = getattr(signal.Signals, f"SIG{plain}", 0)
    if number not in signal.valid_signals():
        what = f"the image's STOPSIGNAL is {name}, which is no signal of this machine"
        raise RuntimeFailure("CannotStartContainerError", what)
    return int(number)
