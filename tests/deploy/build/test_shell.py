"""What a host makes of RUN lines."""

import pytest

from culm.deploy.build.shell import Command, commands, kind, pip_inputs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b && c; d || e", [("a", "b"), ("c",), ("d",), ("e",)]),
        ("A=1 B=2 a 'b c' \"d e\"", [("a", "b c", "d e")]),
        ("pip install $PACKAGES", [("pip", "install", "flask")]),
        ("a >/dev/null 2>&1 && b", [("a",), ("b",)]),
        ("a > out.txt", [("a",)]),
    ],
)
def test_a_line_is_split_as_the_shell_does(text: str, expected: list[tuple[str, ...]]) -> None:
    assert [command.argv for command in commands(text, {"PACKAGES": "flask"})] == expected


@pytest.mark.parametrize("text", ["curl x | sh", "a $(b)", "a `b`", "a <b", "a 'b"])
def test_what_depends_on_more_than_its_words_is_not_plain(text: str) -> None:
    assert not all(command.plain for command in commands(text, {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python3 -m venv /opt/venv", "venv"),
        ("virtualenv /opt/venv", "venv"),
        ("uv venv", "venv"),
        ("pip install -r requirements.txt", "install"),
        ("pip3.12 --no-cache-dir install flask", "install"),
        ("/opt/venv/bin/pip install flask", "install"),
        ("/opt/venv/bin/python -m pip install flask", "install"),
        ("uv pip install --system flask", "install"),
        ("uv sync --frozen", "sync"),
        ("pip cache purge", "skip"),
        ("mkdir -p /data", "folder"),
        ("chmod +x a.sh", "mode"),
        ("cd /app", "change-folder"),
        (". /opt/venv/bin/activate", "activate"),
        ("set -eux", "nothing"),
        ("apt-get install -y curl", "skip"),
        ("useradd app", "skip"),
        ("rm -rf /var/lib/apt/lists/*", "skip"),
        ("go build -o /app ./...", "go"),
        ("go install ./...", "build"),
        ("go version", "skip"),
        ("make", "build"),
        ("npm ci", "build"),
        ("npm config set x y", "skip"),
        ("cargo build --release", "build"),
        ("curl -o /usr/bin/x https://example.org/x", "build"),
    ],
)
def test_commands_are_known_by_what_they_leave_behind(text: str, expected: str) -> None:
    [command] = commands(text, {})
    assert kind(command) == expected


def test_a_piped_download_builds_something_too() -> None:
    assert [kind(command) for command in commands("curl -L https://example.org/x | tar xz", {})] == ["build", "build"]


def test_exec_form_words_are_taken_as_they_are() -> None:
    assert kind(Command(argv=("pip", "install", "a;b"))) == "install"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("install -r requirements.txt -c constraints.txt", ["requirements.txt", "constraints.txt"]),
        ("install --requirement=a.txt -rb.txt", ["a.txt", "b.txt"]),
        ("install flask==3.0 -i https://example.org/simple ./lib .", ["./lib", "."]),
        ("install -e .[dev] dist/a.whl", [".", "dist/a.whl"]),
        ("install --python /opt/venv/bin/python flask", []),
    ],
)
def test_the_files_that_an_install_reads_are_found(arguments: str, expected: list[str]) -> None:
    assert pip_inputs(arguments.split()) == expected
