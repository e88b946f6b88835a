"""Whatever an answer does, the reader gets a plain message in time, and nothing of it is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader import exercises
from glassworks.reader.checking import Checker, Limits, words
from glassworks.reader.checking.answer import READS, RUNS, rows_of
from glassworks.reader.exercises.kinds import ChoiceExercise
from tests.reader import trial_exercises

HERE = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
RIGHT = "def double(x):\n    return 2 * x\n"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")
QUICK = Limits(wall=2.0, cpu=1, memory=2**29)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the children keep their files, to see that nothing stays."""
    place = tmp_path_factory.mktemp("temporary")
    before = tempfile.tempdir
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place))
        patch.setenv("PYTHONPATH", HERE)
        tempfile.tempdir = None
        yield place
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def checker(folder):
    checker = Checker(QUICK)
    yield checker
    checker.close()
    assert not list(folder.glob("glassworks-check-*"))


def ask(checker, answer, exercise="double", **more):
    return checker.run("tests.reader.trial_exercises", f"trial_exercises.{exercise}", answer, **more)


def test_a_right_answer_passes_within_a_second(checker):
    ask(checker, RIGHT)  # loads torch
    start = time.perf_counter()
    checked = ask(checker, RIGHT)
    assert checked.passed and checked.stopped is None and [r.name for r in checked.rows] == ["three", "five"]
    assert time.perf_counter() - start <= 1.0


def test_a_wrong_answer_fails_on_its_row_with_the_reason(checker):
    checked = ask(checker, "def double(x):\n    print('got', x)\n    return x * x")
    assert not checked.passed and checked.rows[0].reason == "That is the square."
    assert checked.printed == "got 3\ngot 5\n"


@pytest.mark.parametrize(
    ("answer", "row", "told"),
    [
        ("def double(x)\n    return 1", READS, "Line 1: A `:` is missing"),
        ("def double(x):\nreturn 1", READS, "must be indented"),
        ("x = (1,\n", READS, "opened and never closed"),
        ("x = 'a\n", READS, "never closed on the same line"),
        ("(" * 1000, READS, "too many nested"),
        ("x = '\0'", READS, "null bytes"),
        ("y = 1", RUNS, "`double` is not defined"),
        ("def Double(x): ...", RUNS, "There is `Double`"),
        ("double = 3", RUNS, "a function is expected"),
        ("def double(x):\n    y = 1\n    return y / 0", RUNS, "Line 3, `return y / 0`"),
        ("number = 1\ndef double(x): return numbr", RUNS, "Did you mean: 'number'?"),
        ("def double(x): pass", "three", "Is there a `return`?"),
        ("import sys\nsys.exit(3)", RUNS, "Line 2, `sys.exit(3)`, ends the program"),
        ("exit()", RUNS, "ends the program"),
        ("x = input()", RUNS, "nobody can type"),
        ("def double(x): return double(x)", RUNS, "calls itself without end"),
        ("raise BaseException('no')", RUNS, "BaseException: no"),
        ("class E(Exception):\n    def __str__(self): return 1 / 0\nraise E", RUNS, "Line 3, `raise E`"),
        ("raise ValueError('\\ud800')", RUNS, "ValueError"),
        ("x = [0] * 10**10", RUNS, "more memory"),
        ("x = bytearray(10**10)", RUNS, "more memory"),
        (
            "import torch\nx = torch.zeros(10**10)",
            RUNS,
            "Line 2, `x = torch.zeros(10**10)`, asks for more memory",
        ),
        ("import numpy\nx = numpy.ones(10**10)", RUNS, "more memory"),
        ("import os\nwhile True: os.fork()", RUNS, "4 other processes at most"),
        ("x = [open('/dev/null') for _ in range(999)]", RUNS, "Too many open files"),
    ],
)
@LINUX
def test_a_failure_is_told_by_the_line_and_in_words(checker, answer, row, told):
    checked = ask(checker, answer)
    assert not checked.passed and checked.stopped is None
    assert (checked.rows[0].name, checked.rows[0].passed) == (row, False)
    assert told in checked.rows[0].reason
    assert "/checking/" not in checked.rows[0].reason  # no stack of ours


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("while True: pass", "Is there a loop that never ends"),
        ("import time\nprint('before')\ntime.sleep(99)", "Stopped after 2 s"),
        ("import os\nos._exit(0)", "ended the program (exit code 0)"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.closerange(0, 100)\ndef double(x): return 2 * x", "ended"),
        (
            "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
            "Stopped after 2 s",
        ),
        ("import os\nwhile True:\n    try: os.fork()\n    except RuntimeError: pass", "Stopped after"),
    ],
)
@LINUX
def test_an_answer_that_never_comes_back_is_stopped_in_time(checker, answer, told):
    ask(checker, RIGHT)
    start = time.perf_counter()
    checked = ask(checker, answer)
    assert time.perf_counter() - start < QUICK.wall + 1.5
    assert not checked.passed and told in (checked.stopped or "")
    assert ("before" in checked.printed) == ("before" in answer)
    assert ask(checker, RIGHT).passed  # the book is alive


@pytest.mark.parametrize(
    "answer",
    [
        "import os, shutil\nshutil.rmtree(os.getcwd())\n" + RIGHT,
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(999)).start()\n" + RIGHT,
        "import sys\nsys.stdout.close()\n" + RIGHT,
        "import atexit\natexit.register(lambda: open('/nowhere/x'))\n" + RIGHT,
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n" + RIGHT,
        "import subprocess\nsubprocess.Popen(['sleep', '987654'], start_new_session=True)\n" + RIGHT,
        "import os\nlost = not os.fork()\nlost or os.wait()\ndef double(x): return 0 if lost else 2 * x",
        "import torch\ntorch.manual_seed(0)\nx = torch.randn(300, 300) @ torch.randn(300, 300)\n" + RIGHT,
    ],
)
@LINUX
def test_what_an_answer_leaves_behind_does_not_matter(checker, folder, answer):
    checked = ask(checker, answer)
    assert checked.passed and len(checked.rows) == 2
    assert not [entry for place in folder.glob("glassworks-check-*") for entry in place.iterdir()]
    assert _started_in(f"TMPDIR={folder}/glassworks-check-") == 0


def test_a_hundred_megabytes_of_print_are_cut_in_the_middle(checker):
    start = time.perf_counter()
    checked = ask(checker, "print('first' + 'x' * 100_000_000 + 'last')\n" + RIGHT)
    assert checked.passed and len(checked.printed) < 10_000 and time.perf_counter() - start < 5
    assert checked.printed.startswith("first") and checked.printed.endswith("last\n")
    assert "bytes left out" in checked.printed


def test_a_reader_can_stop_a_check(checker):
    ask(checker, RIGHT)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    start = time.perf_counter()
    checked = ask(checker, "import time\ntime.sleep(99)", stop=stop)
    assert time.perf_counter() - start < 1.5 and "Stopped by you" in checked.stopped


def test_two_answers_run_at_a_time_and_the_others_wait(checker):
    ask(checker, RIGHT)
    nap = "import time\ntime.sleep(0.3)\n" + RIGHT
    checks, start = [], time.perf_counter()
    threads = [threading.Thread(target=lambda: checks.append(ask(checker, nap))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one.passed for one in checks) and len(checks) == 6
    assert time.perf_counter() - start >= 0.9
    assert all(one.seconds < 1.5 for one in checks)  # waiting is not counted


def test_an_exercise_that_is_broken_says_that_it_is_not_the_readers_fault(checker):
    assert "not your fault" in ask(checker, RIGHT, "broken").stopped
    assert "not your fault" in ask(checker, RIGHT, "nowhere").stopped
    assert "not your fault" in checker.run("no.such.module", "no.such", RIGHT).stopped


def test_a_text_that_is_too_long_is_refused(checker):
    with pytest.raises(PersonError, match="at most 50,000 characters"):
        ask(checker, "#" * 50_001)


def test_other_kinds_are_judged_here_without_a_process():
    checker = Checker(QUICK)
    exercise = next(one for one in exercises.everything() if isinstance(one, ChoiceExercise))
    right = next(place for place, choice in enumerate(exercise.choices) if choice.right)
    assert checker.check(exercise.id, right).passed and not checker.check(exercise.id, right - 1).passed
    assert checker.source.process is None if sys.platform == "linux" else True
    with pytest.raises(PersonError):
        checker.check("no.such", "1")


@LINUX
def test_a_server_that_was_killed_is_started_again(checker):
    ask(checker, RIGHT)
    threading.Timer(0.4, checker.source.process.kill).start()
    checked = ask(checker, "import time\ntime.sleep(99)")  # its children die with it
    assert "ended from outside" in checked.stopped
    assert ask(checker, RIGHT).passed


@LINUX
def test_a_book_that_closes_before_torch_is_loaded_leaves_nothing(folder):
    before = set(folder.iterdir())
    early = Checker(QUICK)
    early.warm()
    time.sleep(0.2)
    process = early.source.process
    process.kill()  # as `close` does with one that does not end in time
    early.close()
    assert process.returncode is not None and set(folder.iterdir()) == before


@LINUX
def test_the_server_forks_while_it_has_a_single_thread(checker):
    ask(checker, RIGHT)
    tasks = Path(f"/proc/{checker.source.process.pid}/task")
    assert len(list(tasks.iterdir())) == 1


BOOK = """
import sys, threading
from glassworks.reader.checking import Checker
checker = Checker(forks=sys.argv[1] == "forks")
run = lambda answer: checker.run("tests.reader.trial_exercises", "trial_exercises.double", answer)
run("def double(x): return 2 * x")
process = checker.source.process if sys.argv[1] == "forks" else None
answer = "import time, subprocess\\n"
if sys.argv[1] == "forks":
    answer += "subprocess.Popen(['sleep', '98765'], start_new_session=True)\\n"
threading.Thread(target=run, args=(answer + "time.sleep(98765)",), daemon=True).start()
import time; time.sleep(float(sys.argv[2]))
print("busy", flush=True)
sys.stdin.read()
"""


@LINUX
@pytest.mark.parametrize(
    ("kind", "pause"), [("forks", "0.5"), pytest.param("fresh", "5", marks=pytest.mark.long)]
)
def test_when_the_book_is_killed_everything_ends_and_nothing_is_left(tmp_path, kind, pause):
    environment = {**os.environ, "PYTHONPATH": HERE, "TMPDIR": str(tmp_path), "MARK": str(tmp_path)}
    book = subprocess.Popen(
        [sys.executable, "-c", BOOK, kind, pause],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert book.stdout.readline() == b"busy\n"
    mark = f"MARK={tmp_path}"
    assert _started_in(mark) > 1
    os.kill(book.pid, signal.SIGKILL)
    book.wait()
    until = time.perf_counter() + 5
    while (_started_in(mark) or list(tmp_path.glob("glassworks*"))) and time.perf_counter() < until:
        time.sleep(0.05)
    assert _started_in(mark) == 0 and not list(tmp_path.glob("glassworks*"))
    book.stdin.close()
    book.stdout.close()


def _started_in(mark):
    """How many living processes have a variable that begins with `mark` in their environment."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended while we looked
            count += any(one.startswith(mark.encode()) for one in path.read_bytes().split(b"\0"))
    return count


def test_fresh_processes_do_the_same_where_there_is_no_fork(folder):
    checker = Checker(Limits(wall=1.0, cpu=5, memory=2**29), forks=False)
    try:
        checker.warm()
        checked = ask(checker, RIGHT + "print('done')")
        assert checked.passed and checked.printed == "done\n"
        assert checked.seconds < 0.5  # loading torch is not the answer's time
        assert "Stopped after 1 s" in ask(checker, "import time\ntime.sleep(99)").stopped
    finally:
        checker.close()
    assert not list(folder.glob("glassworks-check-*/*"))


WATCHED = """
import sys
from glassworks.reader.checking import limits
limits._watch_memory(100 * 2**20)
grown = []
while True:
    grown.append(bytearray(b"x" * 2**20))
    if len(grown) > 2000: sys.exit(1)
    import time; time.sleep(0.01)  # the watch needs a turn on a busy machine
"""


@pytest.mark.skipif(os.name == "nt", reason="measures as macOS does")
def test_where_the_system_does_not_limit_memory_a_watch_does():
    from glassworks.reader.checking.limits import OUT_OF_MEMORY

    # A child begins with the largest size that its parent ever had: a shell in between has a small one.
    command = ["sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, WATCHED]
    assert subprocess.run(command, check=False).returncode == OUT_OF_MEMORY


def test_rows_that_came_before_a_failure_are_kept():
    double = "def double(x):\n    if x == 5: raise KeyError('five')\n    return 2 * x"
    rows = rows_of(trial_exercises.EXERCISES[0], double)
    assert [(row.name, row.passed) for row in rows] == [("three", True), (RUNS, False)]
    assert "Line 2" in rows[1].reason
    assert "answer" not in sys.modules


def test_the_caret_stands_below_the_place():
    with pytest.raises(SyntaxError) as caught:
        compile("x = 1\ny = 2 +* 3", words.FILE, "exec")
    told = words.syntax(caught.value, "x = 1\ny = 2 +* 3")
    code, caret = told.split("```")[1].strip("\n").splitlines()
    assert code == "y = 2 +* 3" and code[caret.index("^")] in "+*"
