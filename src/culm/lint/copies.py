"""Keys and passwords that a Dockerfile copies into its image with the rest of the folder.

`COPY . .` takes all that no .dockerignore names, also what git does not know: private keys, `.env`, tokens of package
registries. They stay in a layer, whatever later lines remove.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from posixpath import normpath

from culm.lint import composes, rules
from culm.lint.findings import Finding, Setting
from culm.project import texts
from culm.project.dockerfile import Instruction, parse, stages, words
from culm.project.dockerfile.ignore import ignored, patterns, translate
from culm.project.dockerfile.stages import carried_out, named

NOT_OURS = frozenset({"node_modules", "vendor", "venv", ".venv", ".git", "site-packages", "__pycache__", ".tox"})
TESTS = frozenset({"test", "tests", "fixtures", "testdata", "__tests__", "spec", "examples"})
MOST_BYTES = 200_000
PRIVATE = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")
KEY_NAME = re.compile(r"id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|ppk)|.*private.*key.*", re.IGNORECASE)
ENVIRONMENT_NAME = re.compile(r"(.*\.)?env(\.[\w-]+)?|\.env.*", re.IGNORECASE)
SAMPLE = re.compile(r"example|sample|template|dist\b|schema|defaults?$", re.IGNORECASE)
TOKENS: tuple[tuple[str, str, str], ...] = (
    (
        r"\.npmrc|\.yarnrc(\.yml)?",
        r"_(?:authToken|password|auth)\s*=\s*([^\s$]\S+)|npmAuthToken:\s*[\"']?([^\s$\"']+)",
        "a registry's token",
    ),
    (r"\.pypirc", r"^\s*password\s*[:=]\s*(\S+)", "a registry's password"),
    (r"\.netrc|_netrc", r"\bpassword\s+(\S+)", "a password"),
    (r"\.git-credentials", r"://[^:/\s]+:([^@\s]+)@", "a password"),
    (r"credentials", r"aws_secret_access_key\s*=\s*(\S+)", "AWS keys"),
    (r"kubeconfig|config", r"client-key-data:\s*(\S+)", "a cluster's key"),
    (r"\.dockercfg|config\.json", r"\"auth\"\s*:\s*\"([^\"]+)\"", "a registry's login"),
    (r".*\.json", r"\"private_key\"\s*:\s*\"(-----BEGIN[^\"]+)\"", "a private key"),
    (r".*\.tfstate", r"\"(?:password|secret|private_key)\"\s*:\s*\"([^\"]+)\"", "Terraform's state"),
    (r"\.htpasswd", r"^[^:\s]+:(\S+)", "passwords"),
)
"""Files by name, what in them is a secret, and what to call it."""


def check(file: str, dockerfile: Path, folder: Path, target: str | None = None) -> list[Finding]:
    """Return what the image that `dockerfile` makes of `folder` would hold. `file` is how the Dockerfile is named."""
    instructions = parse(dockerfile.read_bytes())
    copies = [each for each in made_of(instructions, target) if taken(each)]
    if not copies:
        return []
    skip = ignored(patterns(folder, dockerfile))
    result = []
    for path in files(folder, skip):
        line = next((each.line for each in copies if any(covers(source, path) for source in taken(each))), None)
        if line is not None and (why := secret(folder / path)) is not None:
            why = f"{why}, and goes into the image; name it in .dockerignore"
            result.append(Finding(file=file, line=line, name=path, why=why))
    return result


def made_of(instructions: list[Instruction], target: str | None) -> list[Instruction]:
    every = stages(instructions, {})
    return carried_out(every, named(every, target))


def taken(instruction: Instruction) -> list[str]:
    """Return what of the context an instruction copies."""
    if instruction.keyword not in ("COPY", "ADD") or instruction.flag("from") is not None or instruction.documents:
        return []
    sources = (instruction.form or words(instruction.rest))[:-1]
    return [normpath(source.lstrip("/")) for source in sources if "$" not in source and "://" not in source]


def covers(source: str, path: str) -> bool:
    """Return whether a copied source takes a file: all, itself, or a folder above it."""
    return source == "." or re.fullmatch(translate(source) + r"(?:/.*)?", path, re.DOTALL) is not None


def files(folder: Path, skip: Callable[[str], bool]) -> Iterator[str]:
    """Yield the files of a context that are worth a look, by path."""
    for parent, folders, names in os.walk(folder):
        inside = os.path.relpath(parent, folder).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        folders[:] = sorted(name for name in folders if name not in NOT_OURS and name.lower() not in TESTS)
        for name in sorted(names):
            if not skip(prefix + name):
                yield prefix + name


def secret(path: Path) -> str | None:
    """Return what secret a file of the context holds; None: none."""
    try:
        if not may_be_secret(path.name) or not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return secret_in(path.name, texts.read(path))
    except OSError:
        return None


def may_be_secret(name: str) -> bool:
    """Return whether a file of this name is worth a look."""
    kinds = (KEY_NAME, ENVIRONMENT_NAME, *(re.compile(pattern) for pattern, _, _ in TOKENS))
    return any(kind.fullmatch(name) for kind in kinds) and not SAMPLE.search(name)


def secret_in(name: str, text: str) -> str | None:
    """Return what secret the text of a file with this name is; None: none."""
    if KEY_NAME.fullmatch(name) and PRIVATE.search(text):
        return "is a private key"
    if ENVIRONMENT_NAME.fullmatch(name) and (findings := composes.check_env_file(name, text)):
        return f"has a secret: {findings[0].name}"
    for pattern, form, what in TOKENS:
        for match in re.finditer(form, text, re.MULTILINE) if re.fullmatch(pattern, name) else ():
            value = next(group for group in match.groups() if group)
            if rules.is_said(value) and rules.judge(Setting(line=0, name="password", value=value)) is not None:
                return f"has {what}"
    return None
