"""What a command line gets back: exit codes, JSON, help that needs no torch, and suggestions."""

import os
import subprocess
import sys

import pytest

from glassworks.api import describe
from glassworks.cli import VERBS, main
from glassworks.core.errors import PersonError

LOADED = """
import sys
from glassworks.cli import main
code = main(sys.argv[1:])
heavy = [name for name in ("torch", "torchvision", "sklearn", "pydantic") if name in sys.modules]
print("HEAVY", heavy, "CODE", code, file=sys.stderr)
"""


def loaded(*words):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example_and_every_option_a_meaning(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "example:" in text and VERBS[verb][3] in text and f"usage: glassworks {verb}" in text
    example = VERBS[verb][3].split()
    assert example[:2] == ["glassworks", verb]


@pytest.mark.parametrize(
    "words",
    [["--help"], ["train", "--help"], ["list"], ["doctor"], ["trian"], ["train", "--dat"], ["plan", "--help"],
     ["finetune", "--help"], ["cross-validate", "--help"], ["learning-curve", "--help"], ["export", "--help"],
     ["explain", "--help"], ["serve", "--help"], ["plan", "--params", "7e9"], ["serve", "r", "--port", "x"]],
)  # fmt: skip
def test_torch_is_not_loaded_for_help_list_doctor_or_a_mistake(words):
    if "--help" in words and len(words) > 1:
        script = LOADED.replace(
            "code = main(sys.argv[1:])",
            "try:\n    code = main(sys.argv[1:])\nexcept SystemExit as e:\n    code = e.code",
        )
        done = subprocess.run(
            [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60
        )
        complaint = done.stderr
    else:
        complaint = loaded(*words)[1]
    assert "HEAVY []" in complaint


@pytest.mark.skipif(os.name == "nt", reason="a shell's pipe")
def test_a_closed_pipe_is_no_error():
    script = f'"{sys.executable}" -m glassworks train --help | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "0" and "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["trian"], "unknown-verb", 'did you mean "train"?'),
        (["train", "cnn", "--epoch", "3"], "unknown-option", 'did you mean "--epochs"?'),
        (["train", "cnn", "--epoch=3"], "unknown-option", "--epochs"),
        (["train", "cnn", "--size", "huge"], "bad-arguments", "--help"),
        (["train", "cnn", "--epochs", "many"], "bad-arguments", "--help"),
        (["train", "cnn", "--learning-rate", "quick"], "bad-arguments", "--help"),
        (["train", "cnn", "--out", ""], "bad-arguments", "variable"),
        (["train", "cnn", "--out="], "bad-arguments", "variable"),
        (["train", "cnnn"], "unknown-system", 'did you mean "cnn"?'),
        (["train"], "unknown-system", "glassworks list"),
        (["train", "cnn", "--variant", "four-layers"], "unknown-variant", 'did you mean "four-layer"?'),
        (["train", "cnn", "--set", "training.epoch=3"], "unknown-key", "training.epochs"),
        (["train", "cnn", "--set", "training.clip"], "bad-setting", "training.clip=0.5"),
        (["train", "cnn", "--set", "data.foo=3"], "unknown-key", "file"),
        (["train", "cnn", "--data", "nowhere"], "no-such-path", ""),
        (["train", "cnn", "--device", "mps"], "no-such-device", "doctor"),
        (["info", "lenett"], "unknown-system", 'did you mean "lenet"?'),
        (["info", "cnn", "--side", "3"], "bad-model", "--side"),
        (["list", "imags"], "unknown-domain", 'did you mean "image"?'),
        (["evaluate", "nowhere"], "no-run", ""),
        (["predict", "nowhere", "x.png"], "no-run", ""),
        (["compare", "nowhere"], "too-few-runs", "compare"),
        (["samples", "fetch", "digit"], "no-such-sample", "digits"),
        (["samples", "write", "digits"], "bad-arguments", "samples"),
        (["cache", "claer"], "bad-arguments", "--help"),
        (["check", "nowhere"], "no-such-path", ""),
    ],
)
def test_mistakes_end_with_2_and_say_what_to_do_also_as_json(ask, tmp_path, monkeypatch, words, code, hint):
    monkeypatch.chdir(tmp_path)
    if code == "no-such-device":
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    ended, _, complaint = ask(*words)
    assert ended == 2 and "Traceback" not in complaint
    assert all(label in complaint for label in (f"glassworks: {code}", "expected: ", "got: ", "to fix: "))
    assert hint in complaint
    ended, answer, _ = ask(*words, "--json")
    assert ended == 2 and set(answer) == {"error"}
    assert set(answer["error"]) == {"code", "expected", "got", "fix"} and answer["error"]["code"] == code
    assert not list(tmp_path.iterdir())


def test_our_own_faults_end_with_1_and_a_traceback(ask, monkeypatch):
    monkeypatch.setattr(describe, "list_systems", lambda _: 1 / 0)
    code, _, complaint = ask("list")
    assert code == 1 and "ZeroDivisionError" in complaint and "fault of ours" in complaint


def test_what_the_system_refuses_is_no_fault_of_ours(ask, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied", "/there")

    monkeypatch.setattr(describe, "list_systems", refuse)
    code, answer, _ = ask("list", "--json")
    assert code == 2 and answer["error"]["code"] == "system-refused"
    assert "/there" in answer["error"]["expected"] and "Permission denied" in answer["error"]["got"]


def test_ctrl_c_ends_with_130(ask, monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(describe, "list_systems", stopped)
    assert ask("list")[0] == 130


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that is in use")
def test_a_folder_that_was_removed_is_told(ask, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, complaint = ask("doctor")
    monkeypatch.chdir(tmp_path)
    assert code == 2 and "removed" in complaint


@pytest.mark.parametrize("coding", ["ascii", "cp1252"])
def test_terminals_that_know_few_letters_show_the_rest_as_marks(tmp_path, coding):
    from tests.api import pictures

    pictures.class_folders(tmp_path / "d", count=1)
    environment = os.environ | {"PYTHONIOENCODING": coding}
    for more in ([], ["--json"]):
        words = [sys.executable, "-m", "glassworks", "check", str(tmp_path / "d"), "--workers", "0", *more]
        done = subprocess.run(words, capture_output=True, env=environment, timeout=60)
        assert done.returncode == 0, done.stderr
        done.stdout.decode(coding)


def test_json_of_every_verb_has_schema_and_command(ask, data, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = ["train", "lenet", "--data", data, "--size", "tiny", "--epochs", "2", "--threads", "1"]
    second = tmp_path / "two"
    asked = {
        "list": ["list"], "info": ["info", "cnn"], "check": ["check", data, "--workers", "0"],
        "doctor": ["doctor"], "samples": ["samples"], "cache": ["cache"], "train": [*train, "--out", second],
        "evaluate": ["evaluate", second], "predict": ["predict", run, data / "rot"],
    }  # fmt: skip
    for verb, words in asked.items():
        code, answer, _ = ask(*words, "--json")
        assert code == 0, verb
        assert answer["schema"] == 1 and answer["command"] == verb
        for figure in answer["metrics"].values() if verb in ("train", "evaluate") else ():
            assert set(figure) >= {"value", "low", "high", "n"}
    assert ask("evaluate", run)[0] == 0
    code, answer, _ = ask("compare", run, second, "--json")
    assert code == 0 and answer["schema"] == 1 and answer["command"] == "compare"


def test_version_and_overview(ask):
    assert ask("--version")[0] == 0
    code, text, _ = ask()
    assert code == 0 and all(verb in text for verb in VERBS)


def test_errors_of_python_and_of_the_command_line_are_the_same():
    import glassworks as gw

    with pytest.raises(PersonError) as told:
        gw.train("cmm")
    assert told.value.code == "unknown-system"


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a name be any bytes")
def test_names_that_are_no_text_are_told(ask, tmp_path):
    from tests.api import pictures

    old = os.fsdecode(b"gr\xfcn")  # as an archive of an old Windows unpacks
    pictures.class_folders(tmp_path / old, count=6)
    words = [
        "train",
        "lenet",
        "--data",
        tmp_path / old,
        "--size",
        "tiny",
        "--epochs",
        "2",
        "--out",
        tmp_path / "r",
    ]
    code, _, complaint = ask(*words, "--threads", "1", "--quiet")
    assert code == 2 and "unwritable-name" in complaint and "rename" in complaint
