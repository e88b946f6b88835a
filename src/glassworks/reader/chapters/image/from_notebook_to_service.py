# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="From notebook to service")

with app.setup:
    import marimo as mo

    from glassworks.deploy.batcher import Batcher
    from glassworks.deploy.engines import fold_norms
    from glassworks.deploy.formats import check_program, to_onnx
    from glassworks.deploy.guard import Guard
    from glassworks.deploy.quantise import candidates
    from glassworks.deploy.verify import how_far, verify
    from glassworks.judging.card import card
    from glassworks.reader import book
    from glassworks.reader.figure import Slider
    from glassworks.reader.figures.drift_seen import DriftSeen
    from glassworks.reader.figures.fold_seen import FoldSeen
    from glassworks.reader.figures.none_of_these import NoneOfThese
    from glassworks.reader.figures.queue_seen import QueueSeen
    from glassworks.reader.figures.sent_wrongly import SentWrongly
    from glassworks.reader.figures.step_and_scale import StepAndScale


@app.cell(hide_code=True)
def header():
    book.header("image/from_notebook_to_service")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## It works on my machine

    The last cell of the notebook prints 97 %. From there to a service that strangers use, the network is the
    part that changes least. What stands between are questions:

    - Is the figure true? (*report* and *card*)
    - Can the model leave this program and still be the same model? (*export*, and a check)
    - Is it fast enough, and what did that cost? (eight bits, folded norms, engines)
    - What happens when a thousand people ask at once, or send rubbish? (the server)
    - Who notices when it has become wrong? (monitoring)

    Each has an answer in code of some hundred lines, and this chapter shows them where they are installed.

    ## A report that is honest

    One figure is no report. Beside it belong the number of pictures and an interval, what is reached
    without a model (*baseline*), the classes one by one, the worst mistakes, and how often the test part
    was looked at. A share of 90 % should also be right nine times of ten: that is *calibration*. Networks
    are often too sure, and one number, the temperature, mends most of it (Guo 2017).

    What others need to know goes into a short text that travels with the file, the *model card* (Mitchell
    2019): what it was made from, what it is for, how good it was shown to be, and what it was not tested for.
    Here it is made from facts of the run, so it cannot be forgotten or embellished.
    """)
    return


@app.cell(hide_code=True)
def exercise_honest():
    book.exercise("from_notebook_to_service.honest")
    return


@app.cell(hide_code=True)
def code_card():
    book.source(card, fold=True)
    return


@app.cell(hide_code=True)
def text_export():
    mo.md(r"""
    ## A file that is only numbers

    PyTorch's old way to save a model is a *pickle*: a small program that builds objects when it is read. Who
    opens the pickle of a stranger runs the stranger's program. So none is written here, and none is opened.

    | format | holds | needs, to answer |
    |:---|:---|:---|
    | safetensors | the tensors by name | the model's code |
    | ONNX | tensors and computation | any ONNX engine |
    | pt2 | tensors and torch's program | PyTorch |

    - **safetensors** is a list of names, shapes and numbers, and nothing else can be in it.
    - **ONNX** holds the computation too. It can be run without Python, and beside it lies a short script that
      needs no torch.
    - **pt2** is PyTorch's own program. It is written without a pickle inside, and checked for that. But no
      command here opens one, because reading one may run code.

    Two things must be *inside*. First the preparation: mean and spread, and the softmax at the end, so that
    bytes go in and probabilities come out. Second a word about size, crop and classes, in `model.json`. A
    network without its preparation is a riddle, as you will see below.

    ```sh
    glassworks export runs/photos --to onnx safetensors
    glassworks export runs/photos --to onnx --quantise int8
    ```
    """)
    return


@app.cell(hide_code=True)
def code_formats():
    mo.vstack([book.source(to_onnx, fold=True), book.source(check_program, fold=False)])
    return


@app.cell(hide_code=True)
def text_check():
    mo.md(r"""
    ## The file answers an exam

    An exporter translates a program into another language, and translations have faults. So each file is
    asked the held-out pictures, beside the live model. A file in float must give the same numbers up to
    rounding: $10^{-5} \cdot \max(1, \text{largest score})$, and the same features. What fails is deleted.

    That check finds what no message tells. One fault is worth knowing, because it is in many notebooks. A
    map is laid out with a fixed length, and the batch is left to be worked out:

    ```python
    import torch

    maps = torch.zeros(2, 32, 16, 16)  # two pictures of 64 × 64 pixels behind two stages
    tuple(maps.view(-1, 2048).shape)  # -> (8, 2048)
    tuple(maps.flatten(1).shape)  # -> (2, 8192)
    ```

    The network was built for 32 × 32. Two pictures of 64 × 64 become eight answers, without a word. Laid out
    from dimension 1 it fails at once, and a check at the door says in words what was expected. The number of
    channels and of classes belongs to that door as well.
    """)
    return


@app.cell(hide_code=True)
def code_verify():
    mo.vstack(
        [
            book.source(how_far, fold=False),
            book.source(verify, fold=True),
            book.source(candidates, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Eight bits

    A weight has 32 bits. *Quantisation* keeps the nearest of 256 steps (Jacob 2017). A step has a height, the
    scale $s$, and one of the steps stands for 0, the zero point $z$:

    $$q = \operatorname{clamp}\big(\operatorname{round}(x / s) + z,\ 0,\ 255\big)$$

    The way back is $x \approx (q - z)\,s$.

    The file is a quarter as large, and processors multiply more such numbers at once. Where do the scales
    come from?

    - Of weights they are read off, best one for each filter: one wide filter would make all steps high.
    - Of maps they are *measured*, on some training pictures: the smallest and largest value, or a percentile
      that leaves out the rarest. That is called calibration too, and has nothing to do with the calibration
      above. Held-out pictures may not be used for it: they will judge.

    Inside the range the error is at most half a step. Beyond it there is no bound.
    """)
    return


@app.cell(hide_code=True)
def exercise_scale():
    book.exercise("from_notebook_to_service.scale")
    return


@app.cell(hide_code=True)
def figure_step_and_scale():
    StepAndScale()
    return


@app.cell(hide_code=True)
def exercise_quantise():
    book.exercise("from_notebook_to_service.quantise")
    return


@app.cell(hide_code=True)
def text_refusal():
    mo.md(r"""
    ### What may a faster file cost?

    It cannot give the same numbers, so it is judged by its answers: the main figure may fall by at most one
    point. With 1,000 held-out pictures or more the measured fall decides. With fewer, the whole interval must
    lie below a point, or every decision be the same. Several ways are tried, from all layers in eight bits to
    one with the first and last layer in float. The fastest that passes is taken. If none does, nothing is
    written.
    """)
    return


@app.cell(hide_code=True)
def lab_eight_bits():
    book.lab("eight-bits")
    return


@app.cell(hide_code=True)
def exercise_refusal():
    book.exercise("from_notebook_to_service.refusal")
    return


@app.cell(hide_code=True)
def text_fold():
    mo.md(r"""
    On digits eight bits cost nothing that could be seen, and two pictures were enough to measure scales on.
    Scales measured on the *wrong* pictures, black and white exchanged, cost 4.8 points without any message.
    Three bits lose 2.6 points; the rule asked for more certainty than eight seeds gave, so the claim is not
    shown.

    ## Fewer parts, the same answers

    Some speed is free. In evaluation a batch norm has fixed numbers: mean $\mu$, variance $\sigma^2$, gain
    $\gamma$, offset $\beta$. For each filter with weight $w$ and bias $b$

    $$f\,\big((w * x + b) - \mu\big) + \beta, \qquad f = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}$$

    is the same as a filter of its own,

    $$(f w) * x + \big(f\,(b - \mu) + \beta\big)$$

    so the filter can do it by itself. Of ten parts that compute, six are left in the network below.

    ### Which engine?

    The same weights can run in PyTorch as they are, folded, in bf16, in onnxruntime, in eight bits. Which is
    the fastest? Measured on two cores, one thread, one picture, in milliseconds:

    | network | eager | folded | ONNX | int8 |
    |:---|---:|---:|---:|---:|
    | CNN, 32 × 32 | 0.634 | 0.233 | 0.0756 | 0.0437 |
    | ResNet-18 | 50.1 | 22.6 | 16.1 | 7.98 |
    | Lite0 | 29 | 12.6 | 5.12 | (2.43) |

    The figure in brackets was refused: its answers differ too much. With two threads and 32 pictures at
    once the order changes, and bf16 wins for the small network. So `serve` measures at its start, and
    takes the fastest engine that agrees. A wrong fixed choice cost 3 to 14 times on this machine. On yours
    it may be others.
    """)
    return


@app.cell(hide_code=True)
def figure_fold_seen():
    FoldSeen()
    return


@app.cell(hide_code=True)
def exercise_fold():
    book.exercise("from_notebook_to_service.fold")
    return


@app.cell(hide_code=True)
def code_fold():
    book.source(fold_norms)
    return


@app.cell(hide_code=True)
def text_server():
    mo.md(r"""
    ## A server is a queue

    A model behind a web address answers one batch after another. When more is asked than it can answer, a
    queue grows. What then? Predict it.
    """)
    return


@app.cell(hide_code=True)
def exercise_overload():
    book.exercise("from_notebook_to_service.overload")
    return


@app.cell(hide_code=True)
def figure_queue_seen():
    QueueSeen()
    return


@app.cell(hide_code=True)
def text_batcher():
    mo.md(r"""
    What follows is built into the server:

    - **A queue with an end.** The request that finds it full is refused at once, with status 429 and a time
      in `Retry-After`. A late answer costs as much as a good one (Dean 2013).
    - **Deadlines.** What has expired, and what was asked by a client that has gone, never reaches the model.
    - **Batches without waiting.** What gathers while the model computes is the next batch. Nobody waits when
      it is idle, so *latency* stays low.
    - **`/health` and `/ready`.** The first says that the process lives. The second says that a real picture
      has gone through the model. They are different questions: a balancer asks the second.
    - **Drain.** When it is stopped, it takes nothing new, finishes what is in, and then ends.
    - **A guard in front.** Size, time, key, host and origin are checked before a byte of the picture is read.

    Measured with a small CNN on pictures of 32 × 32: 3,420 requests a second, against 1,560 for the same
    model in a plain `async def` handler and 707 in a plain `def`. At ten times its capacity 69 % of that
    capacity was served where HTTP itself is the limit, and 97 % with a wider network, where the model is. A
    soak at 80 % load ran for 180 seconds, not for the ten minutes that were planned: memory grew by
    0.23 MB a minute.
    """)
    return


@app.cell(hide_code=True)
def code_batcher():
    mo.vstack(
        [
            book.source(Batcher.submit, fold=False),
            book.source(Batcher._next, fold=True),
            book.source(Guard._check, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_type():
    mo.md(r"""
    ### Type it

    ```sh
    glassworks serve runs/photos
    curl -F file=@cat.jpg http://127.0.0.1:8000/predict
    curl http://127.0.0.1:8000/ready
    glassworks serve runs/photos --load-test 10
    ```

    It listens to this machine alone. For others it wants `--host` and a key, and refuses to start without
    one. `--load-test` serves nobody: it floods itself with ten times its capacity, and says what came of it.
    """)
    return


@app.cell(hide_code=True)
def text_wild():
    mo.md(r"""
    ## What breaks in the wild

    Held-out pictures come from where the training pictures came from. Strangers send others. The worst of it
    makes no noise.
    """)
    return


@app.cell(hide_code=True)
def exercise_wild():
    book.exercise("from_notebook_to_service.wild")
    return


@app.cell(hide_code=True)
def figure_sent_wrongly():
    SentWrongly()
    return


@app.cell(hide_code=True)
def text_none():
    mo.md(r"""
    Bytes that were not scaled make a pillow of the cat, without any message. The others change its answer
    little: that network has learned from many photographs. So test *each* way with *your* network, and keep
    one function that prepares pictures for training and for use: upright by the camera's note, transparency
    on white, grey or colour as the model wants it, and what cannot be decoded refused with the reason.

    And what of pictures that belong to no class at all?
    """)
    return


@app.cell(hide_code=True)
def exercise_none():
    book.exercise("from_notebook_to_service.none")
    return


@app.cell(hide_code=True)
def figure_none_of_these():
    NoneOfThese()
    return


@app.cell(hide_code=True)
def text_drift():
    mo.md(r"""
    Such pictures are *out of distribution*. One answer is a distance: how far are the features of this
    picture from those of the training pictures, in units of a limit that 97 % of held-out pictures keep
    (Sun 2022)? `predict` and `serve` tell it with each answer. It is no proof: the cup above lies just
    beyond the limit, and others may lie within.

    ## Watching

    In use there are no labels, so nobody sees the accuracy. A *distribution shift*, such as another lamp,
    lens or season, comes by degrees. What can be watched costs little: the pictures themselves
    (brightness, size), how sure the answers are, how many are unfamiliar, and how long they take. Choose a
    change, and see which of the curves notices it in time.

    Watch the weaker lamp to its end. The accuracy falls to a tenth, and the mean share of the answer
    *rises* again: it is sure of one answer for every dark picture. Sureness alone is no alarm. The
    unfamiliar share rises before the fall there, and with the noisy sensor too. But an alarm says only that
    pictures have changed. What is then to be done is old-fashioned: label a hundred of the new pictures,
    and judge again.

    The server counts requests, refusals, times and queue at `/metrics`, and keeps no picture.
    """)
    return


@app.cell(hide_code=True)
def figure_drift_seen():
    DriftSeen()
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/from_notebook_to_service",
        {"system": "cnn", "data": "sample:digits", "size": "tiny", "variant": "four-layer"},
        settings=(
            Slider("epochs", "epochs", 1, 20, step=1, value=6),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data(
        "image/from_notebook_to_service", {"system": "cnn", "variant": "four-layer", "size": "tiny"}
    )
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A model in use is a file with its preparation and its card. Files hold numbers, not programs, and each is
    examined beside the live model before it leaves. Eight bits are a step and a zero point; they are refused
    where harm is not excluded. A norm folds into its filter. Engines are measured, not believed. A queue
    needs an end, and a late answer is none. Strangers send what tests do not contain: one function
    prepares all pictures, a distance says "none of these", and what changes by degrees must be watched,
    because sureness does not tell.

    The panel above trains a model of your own and hands it over, with the lines that load it. Then type
    `glassworks export` and `glassworks serve`.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/from_notebook_to_service")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/from_notebook_to_service")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/from_notebook_to_service")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/from_notebook_to_service")
    return


if __name__ == "__main__":
    app.run()
