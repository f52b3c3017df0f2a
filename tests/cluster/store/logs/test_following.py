import pytest

from culm.cluster.store import logs
from culm.cluster.store.db import connect, transact


@pytest.fixture
def db():
    db = connect(":memory:")
    db.execute("INSERT INTO log_group (name, created_ms, body) VALUES ('g', 0, '{}')")
    yield db
    db.close()


def batch(container, events, cursor):
    return logs.LogBatch(container=container, events=events, cursor=cursor)


def messages(db):
    return [row["message"] for row in db.execute("SELECT message FROM log_event ORDER BY timestamp_ms, sequence")]


def test_lines_make_their_stream_and_move_their_containers_cursor(db):
    assert logs.cursor(db, "web-1") is None

    assert logs.append(db, "g", "web/app/1", batch("web-1", [(1, "a"), (2, "b")], "10"), now_ms=5)
    assert logs.append(db, "g", "web/app/1", batch("web-1", [(2, "c")], "20"), now_ms=6)

    assert messages(db) == ["a", "b", "c"]
    assert logs.cursor(db, "web-1") == "20"


def test_containers_that_share_a_stream_have_their_own_cursors(db):
    logs.append(db, "g", "web", batch("web-1", [(1, "a")], "10"), now_ms=5)
    logs.append(db, "g", "web", batch("web-2", [(2, "b")], "3"), now_ms=5)
    assert (logs.cursor(db, "web-1"), logs.cursor(db, "web-2")) == ("10", "3")
    assert messages(db) == ["a", "b"]


def test_a_follower_that_dies_goes_on_where_its_last_lines_were_kept(db):
    transact(db, lambda db: logs.append(db, "g", "s", batch("c", [(1, "a")], "1"), now_ms=5))

    def dies(db):
        logs.append(db, "g", "s", batch("c", [(2, "b")], "2"), now_ms=5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transact(db, dies)

    assert logs.cursor(db, "c") == "1"
    assert messages(db) == ["a"]


def test_empty_lines_are_left_out_but_the_cursor_moves(db):
    assert logs.append(db, "g", "s", batch("c", [(1, "")], "7"), now_ms=5)
    assert messages(db) == []
    assert logs.cursor(db, "c") == "7"


def test_without_the_group_nothing_is_written(db):
    assert not logs.append(db, "other", "s", batch("c", [(1, "a")], "1"), now_ms=5)
    assert messages(db) == []
    assert logs.cursor(db, "c") is None


def test_lines_may_come_late(db):
    logs.append(db, "g", "s", batch("c", [(10, "second")], "1"), now_ms=10)
    logs.append(db, "g", "s", batch("c", [(5, "first")], "2"), now_ms=11)
    assert messages(db) == ["first", "second"]
    row = db.execute("SELECT first_event_ms, last_event_ms FROM log_stream").fetchone()
    assert tuple(row) == (5, 10)
