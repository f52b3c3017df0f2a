"""What the daemon takes of its machine is bounded, and each step of its end stands alone."""

import logging
import resource
import subprocess
import sys

from culm.cluster.daemon import limits
from culm.cluster.daemon.shutdown import orderly


def test_the_soft_limit_of_open_files_is_raised_as_far_as_the_hard_one_lets_us():
    program = (
        "import resource; from culm.cluster.daemon import limits\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (48, hard))\n"
        "print(limits.raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told, soft = map(int, run.stdout.split())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert told == soft == (limits.WANTED_FILES if hard == resource.RLIM_INFINITY else min(limits.WANTED_FILES, hard))


def test_one_place_logs_so_often_a_minute_and_says_when_it_is_silenced(caplog):
    logger = logging.getLogger("flood")
    logger.addFilter(limits.RateLimit(most=3))
    for number in range(100):
        logger.error("accept failed, %d", number)
    assert [record.getMessage() for record in caplog.records] == [
        "accept failed, 0",
        "accept failed, 1",
        "accept failed, 2 (what follows from here within this minute is left out)",
    ]


def test_the_log_begins_anew_and_the_end_of_the_one_before_is_kept(tmp_path):
    log = tmp_path / "daemon.log"
    with log.open("ab") as file:
        file.write(b"old\n" + b"x" * 100)
        file.flush()
        assert not limits.rotate(log, most=200)
        assert limits.rotate(log, most=50)
        file.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "daemon.log.1").read_bytes() == b"x" * 50


async def test_a_step_of_the_end_that_fails_is_told_and_keeps_no_other_from_it(caplog):
    ended = []

    async def step(name: str, fails: bool) -> None:
        if fails:
            raise OSError(28, "No space left on device")
        ended.append(name)

    await orderly("the load balancer", step("a", True))
    await orderly("tasks", step("b", False))
    assert ended == ["b"]
    assert "the load balancer did not stop in order" in caplog.text
