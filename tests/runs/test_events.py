"""Nothing of what a worker told is lost, and nothing that is no event is taken for one."""

import threading

from glassworks.runs.events import EVENTS, EventLog, EventReader


def told(folder, *steps):
    log = EventLog(folder)
    for step in steps:
        log.append({"kind": "step", "step": step})
    log.close()


def steps(events):
    return [event["step"] for event in events]


def test_numbers_go_on_where_an_earlier_process_stopped(tmp_path):
    told(tmp_path, 10, 11)
    told(tmp_path, 12)
    assert [event["number"] for event in EventReader(tmp_path).after(0)] == [1, 2, 3]


def test_who_comes_back_gets_what_follows_and_nothing_twice(tmp_path):
    reader = EventReader(tmp_path)
    assert reader.after(0) == [] and reader.last() is None
    told(tmp_path, *range(5))
    assert steps(reader.after(0)) == [0, 1, 2, 3, 4]
    told(tmp_path, *range(5, 8))
    assert steps(reader.after(3)) == [3, 4, 5, 6, 7] and reader.after(8) == reader.after(99) == []
    assert reader.last()["step"] == 7


def test_a_line_that_is_still_being_written_waits_until_it_is_whole(tmp_path):
    told(tmp_path, 0)
    reader = EventReader(tmp_path)
    with (tmp_path / EVENTS).open("ab") as file:
        file.write(b'{"number": 2, "kind": "say", "text": "gr')
        file.flush()
        assert len(reader.after(0)) == 1
        file.write('ün"}\n'.encode())
    assert reader.after(1) == [{"number": 2, "kind": "say", "text": "grün"}]


def test_a_cut_line_is_passed_over_and_the_next_writer_begins_its_own(tmp_path):
    told(tmp_path, 0, 1)
    whole = (tmp_path / EVENTS).read_bytes()
    (tmp_path / EVENTS).write_bytes(whole[:-9])
    told(tmp_path, 2, 3)
    events = EventReader(tmp_path).after(0)
    assert steps(events) == [0, 2, 3] and [event["number"] for event in events] == [1, 2, 3]


def test_garbage_is_passed_over(tmp_path):
    told(tmp_path, 0)
    garbage = [b"\xff\xfe\x00", b"[]", b"null", b'{"number": true, "kind": "say"}', b'{"kind": "say"}']
    garbage += [b'{"number": 5}', b"[" * 100_000, b'{"number": 1, "kind": "step", "step": 9}', b""]
    with (tmp_path / EVENTS).open("ab") as file:
        file.write(b"\n".join(garbage) + b"\n")
    told(tmp_path, 1)
    assert steps(EventReader(tmp_path).after(0)) == [0, 1]


def test_gaps_in_the_numbers_hide_no_event(tmp_path):
    lines = [f'{{"number": {number}, "kind": "step", "step": {number}}}\n' for number in (1, 2, 7, 8, 20)]
    (tmp_path / EVENTS).write_text("".join(lines))
    reader = EventReader(tmp_path)
    for after, expected in ((0, [1, 2, 7, 8, 20]), (1, [2, 7, 8, 20]), (3, [7, 8, 20]), (8, [20]), (20, [])):
        assert steps(reader.after(after)) == expected


def test_threads_write_whole_lines(tmp_path):
    log = EventLog(tmp_path)
    writers = [
        threading.Thread(target=lambda: [log.append({"kind": "step", "step": 0}) for _ in range(200)])
        for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    log.close()
    assert [event["number"] for event in EventReader(tmp_path).after(0)] == list(range(1, 801))


def test_numbers_without_a_word_in_json_become_null(tmp_path):
    told(tmp_path, float("inf"), [float("nan"), {"a": (1.5, -float("inf"))}])
    assert steps(EventReader(tmp_path).after(0)) == [None, [None, {"a": [1.5, None]}]]
