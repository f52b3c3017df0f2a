"""The probe asks real servers over real sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.scenarios.stand import eventually

from culm.operate.probe import Failure, Probe, Tally


@contextmanager
def answering(statuses: list[int]) -> Iterator[str]:
    """A server whose answers have these statuses, the last one from then on; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/shop/?page=1"
        server.shutdown()
        thread.join()


def asked(url: str, times: int) -> Tally:
    with Probe([url]) as probe:
        assert eventually(lambda: probe.tally.requests >= times)
    return probe.tally


def test_good_answers_are_counted_with_the_time_that_they_took() -> None:
    with answering([200]) as url:
        tally = asked(url, 6)
    assert tally.failures == () and tally.requests >= 6 and tally.p99 > 0


def test_a_service_that_is_down_for_a_moment_is_counted_as_failed() -> None:
    with answering([200, 200, 503, 200]) as url:
        tally = asked(url, 6)
    assert [failure.what for failure in tally.failures] == ["status 503"]
    assert tally.failures[0].url == url


def test_a_page_that_is_not_there_is_a_failure_only_where_it_was_there_before() -> None:
    with answering([404]) as url:
        assert asked(url, 4).failures == ()
    with answering([200, 404, 200]) as url:
        assert [failure.what for failure in asked(url, 4).failures] == ["status 404"]


def test_nobody_who_answers_is_a_failure() -> None:
    with answering([200]) as url:
        pass
    assert asked(url, 3).failures[0].what


def test_the_tally_reads_as_a_line() -> None:
    failure = Failure(url="http://a", seconds=1.0, what="status 503")
    assert str(Tally(requests=1204, failures=(), p99=0.0412)) == "1,204 requests, 0 failed, p99 41 ms"
    assert str(Tally(requests=3, failures=(failure,), p99=1.5)) == "3 requests, 1 failed, p99 1500 ms"
