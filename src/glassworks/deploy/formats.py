"""The three files a model leaves in: safetensors, ONNX and PyTorch's own program.

*safetensors* holds the numbers alone, for Glassworks and other PyTorch code. *ONNX* holds the whole
computation from pixels to answers, and runs with onnxruntime alone, from many languages. *pt2* is
torch.export's graph with its weights, for PyTorch without this package. All take any batch. No file holds
a path of the machine it was made on.

About trust: a .safetensors or .onnx file is numbers and a graph. A .pt2 as PyTorch saves it contains a pickle
(the example inputs), which is left out here, and `check_program` proves it. But PyTorch *reads* a .pt2 with
an unpickler for whatever asks for it, and reads the sizes in its graph through sympy, which evaluates text.
So a .pt2 of unknown origin can run code when it is opened, and no verb of Glassworks opens one: only
`read_own_program` does, for the file that this process has written a moment ago.
Sources: onnx.ai, docs.pytorch.org (torch.onnx, torch.export), read for version 2.15.
The first thing to change: OPSET, when the runtime that you ship to is older.
"""

import contextlib
import io
import json
import logging
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import Dim

from glassworks.core.files import writing
from glassworks.deploy.subject import AsShipped, Predict, Subject, need
from glassworks.weights.store import load_into, read_tensors, write_tensors

OPSET = 20  # read by onnxruntime 1.17 (2024) and newer
WEIGHTS, NETWORK, PROGRAM = "model.safetensors", "model.onnx", "model.pt2"
PIXELS, ANSWERS, FEATURES = "pixels", "answers", "features"
BATCH = {PIXELS: {0: Dim("batch", min=1, max=65536)}}


def to_safetensors(subject: Subject, folder: str | Path) -> Path:
    """Write the model's tensors to FOLDER/model.safetensors; returns that path."""
    path = Path(folder) / WEIGHTS
    write_tensors(path, subject.model.state_dict())
    return path


def to_onnx(subject: Subject, path: str | Path) -> Path:
    """Write the whole computation as ONNX: "pixels" -> "answers", "features", for any batch.

    Raises PersonError("missing-extra") without onnx and onnxscript.
    """
    need("export", "onnx", "onnxscript")
    import onnx

    with quiet():
        program = torch.onnx.export(
            AsShipped(subject).eval(),
            (torch.from_numpy(subject.example()),),
            dynamo=True,
            input_names=[PIXELS],
            output_names=[ANSWERS, FEATURES],
            dynamic_shapes=BATCH,
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    network = without_notes(program.model_proto)
    onnx.checker.check_model(network)
    with writing(path) as aside:
        aside.write_bytes(network.SerializeToString())
    return Path(path)


def to_program(subject: Subject, path: str | Path) -> Path:
    """Write torch.export's program, for any batch, with no pickle inside."""
    with quiet():
        program = torch.export.export(
            AsShipped(subject).eval(), (torch.from_numpy(subject.example()),), dynamic_shapes=BATCH
        )
        program.example_inputs = None  # PyTorch would pickle them; nothing reads them
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # it names files of this machine
        held = io.BytesIO()
        torch.export.save(program, held)
    with writing(path) as aside:
        aside.write_bytes(held.getvalue())
    check_program(path)
    return Path(path)


def check_program(path: str | Path) -> None:
    """Raises ValueError unless every part of a .pt2 is plain numbers or JSON: no pickle, no object."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            inner = name.partition("/")[2]
            content = archive.read(name)
            if inner.startswith("data/sample_inputs/") and content:
                raise ValueError(f"{name} is a pickle")
            if inner.endswith("_config.json"):
                for what, entry in json.loads(content)["config"].items():
                    if entry["use_pickle"]:
                        raise ValueError(f"{what} in {name} is a pickle")


# ---- reading the files back, to compare them with the live model


def read_own_safetensors(subject: Subject, path: Path) -> Predict:
    """The model of the subject's form with the numbers of the file."""
    import copy

    from glassworks.deploy.subject import eager

    model = copy.deepcopy(subject.model)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.zero_()  # so that a number the file lacks cannot hide
    load_into(model, read_tensors(path), source=path.name)
    return eager(
        Subject(model.eval(), subject.how, subject.kind, subject.classes, subject.number, subject.card)
    )


def read_own_program(path: Path) -> Predict:
    """The program that this process wrote a moment ago. Never for a file of another origin; see above."""
    check_program(path)
    with quiet():
        program = torch.export.load(io.BytesIO(path.read_bytes())).module()

    def predict(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            answers, features = program(torch.from_numpy(np.ascontiguousarray(pixels)))
        return answers.numpy(), features.numpy()

    return predict


def onnx_predictor(path: str | Path, threads: int | None = None) -> Predict:
    """An ONNX file as a function. threads: as many as torch uses, unless named.

    Threads do not spin while they wait: a server and its neighbours want the processor more.
    """
    need("export", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def predict(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers, features = session.run([ANSWERS, FEATURES], {PIXELS: pixels})
        return answers, features

    return predict


def without_notes(network: Any) -> Any:
    """The same graph without the exporter's notes, which quote source lines and paths of this machine."""
    network.doc_string = ""
    del network.metadata_props[:]
    graph = network.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]
    return network


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporters' progress and advice; errors are raised as ever."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels):
                logger.setLevel(level)
