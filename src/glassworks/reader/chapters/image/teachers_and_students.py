# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Teachers and students")

with app.setup:
    import marimo as mo

    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.beyond_the_label import BeyondTheLabel
    from glassworks.reader.figures.four_targets import FourTargets
    from glassworks.reader.figures.pull_of_two import PullOfTwo
    from glassworks.reader.figures.silent_mistakes import SilentMistakes
    from glassworks.reader.figures.students_of_sizes import StudentsOfSizes
    from glassworks.reader.figures.teacher_on_yours import TeacherOnYours
    from glassworks.transfer.distil import (
        Distilled,
        as_seen_by,
        hard_loss,
        order_of,
        soft_loss,
        teacher_function,
    )


@app.cell(hide_code=True)
def header():
    book.header("image/teachers_and_students")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Small, and taught

    A good network is often too large for where it shall work: a phone, a camera, a page. A small one can be
    trained from scratch, and is mostly worse. Can the large one help it? Their weights have nothing in common
    that could be copied. But the large network answers any picture you show it, and answers can be learned.
    That is *distillation*: the large network is the teacher, the small one the student (Hinton 2015).

    In this chapter the teacher is a CNN of 32 and 64 filters, and the student one of 4 and 8. On 200 labelled
    digits the teacher comes to 96.5 %, the student to 87.2 %. Nine points lie between them. How many of them
    can be handed on, by what, and how do you know that it was the teacher?
    """)
    return


@app.cell(hide_code=True)
def exercise_smaller():
    book.exercise("teachers_and_students.smaller")
    return


@app.cell(hide_code=True)
def text_beyond():
    mo.md(r"""
    ## What a teacher says beyond the label

    A label is one word. The teacher gives a score to every class, the *logits*, and *softmax* makes shares of
    them. The share of the best class is often close to 1. What is interesting are the others: an 8 that could
    be a 3 gets another list than an 8 that could be a 1. So a single picture tells the student something
    about three or four digits.

    These shares are small. Divided by a *temperature* $T$ before softmax, scores come closer together, and
    the small shares show. The order stays as it was. The figure has the lists of our teacher, one for each
    digit.
    """)
    return


@app.cell(hide_code=True)
def figure_beyond_the_label():
    BeyondTheLabel()
    return


@app.cell(hide_code=True)
def figure_teacher_on_yours():
    TeacherOnYours()
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## The loss

    Let $z$ be the student's scores and $t$ the teacher's, $y$ the label, $w$ the teacher's weight:

    $$(1 - w)\, \text{CE}(z, y) + w\, T^2\, \text{KL}(p \,\|\, q)$$

    $$p = \operatorname{softmax}(t / T), \quad q = \operatorname{softmax}(z / T)$$

    CE is *cross-entropy*, KL the *Kullback-Leibler divergence*: 0 where both lists of shares agree. What it
    is by hand, and why $T^2$ stands there, is worked out in the chapter on
    [DeiT](/book/image/teachers_and_students_deit/), which can be read before this line or after.

    At a high temperature something simpler comes out. The gradient by a score then is about

    $$\frac{w}{C}\,\big((z_c - \bar z) - (t_c - \bar t)\big)$$

    with $C$ classes and the means over them: the student is pulled towards the teacher's *scores*, each
    measured from their mean. At $T = 1$ it is pulled towards the shares, where nearly nothing but the best
    class counts.

    Here there is one head, which learns both from the label and from the teacher. The workbench's own values
    are $T = 4$ and $w = 0.7$.
    """)
    return


@app.cell(hide_code=True)
def figure_pull_of_two():
    PullOfTwo()
    return


@app.cell(hide_code=True)
def code_losses():
    mo.vstack([book.source(soft_loss), book.source(hard_loss)])
    return


@app.cell(hide_code=True)
def exercise_loss():
    book.exercise("teachers_and_students.loss")
    return


@app.cell(hide_code=True)
def text_hard():
    mo.md(r"""
    ## Hard or soft?

    There is a cheaper way. Ask the teacher for its best class only, and treat it as a label: hard
    distillation. No temperature, no shares. On photographs, cut and turned at random, this has done well.
    Before the lab, think about what it means on pictures that the teacher has learned by heart.
    """)
    return


@app.cell(hide_code=True)
def exercise_hard():
    book.exercise("teachers_and_students.hard")
    return


@app.cell(hide_code=True)
def text_control():
    mo.md(r"""
    ## Knowledge, or just softness?

    Soft answers differ from labels in two ways. They know something of the picture. And they are *soft*:
    nobody asks the student to be certain. The second can be had without any teacher. *Label smoothing* takes
    a tenth of the whole from the label and spreads it over all classes alike (Szegedy 2015).

    So a fair comparison needs three students: on labels, on softened labels, on a teacher's answers. Without
    the middle one you cannot say what helped. This is an *ablation*: take one thing away, and see whether it
    was the one. On larger data, badly trained teachers were found to help as well, and much of the gain to be
    softness (Yuan 2019).
    """)
    return


@app.cell(hide_code=True)
def figure_four_targets():
    FourTargets()
    return


@app.cell(hide_code=True)
def text_lab():
    mo.md(r"""
    ## What was measured

    The lab trains all of them, eight times. The claim was written before: soft answers beside the labels make
    the small CNN better. All gains are in points over labels alone.

    | the student learned from | test accuracy | gain |
    |:---|---:|---:|
    | labels alone | 87.2 % | |
    | softened labels, no teacher | 89.3 % | +2.1 (+1.4 to +2.8) |
    | labels and hard answers | 87.2 % | 0.0 |
    | labels and soft answers | 89.4 % | +2.2 (−1.2 to +5.6) |
    | the same, and 600 pictures without labels | 92.6 % | +5.4 (+2.7 to +8.1) |

    - **The claim is not shown.** On average 2.2 points were gained, with one seed 10.4, with two others 2.1
      were lost.
    - **Softened labels gain as much**, and more surely. So nothing here says that it was the teacher's
      knowledge.
    - **Hard answers gain nothing at all**, to the last picture.
    - **Pictures without labels gain most.** There the teacher says what no label does. It closes more than
      half of the gap to the teacher. One caution: such a step sees twice as many pictures, and a student with
      600 more *labels* was not measured.

    200 digits and a student of 1,058 numbers are a small world. On large data larger gains from soft answers
    were published often. Take from here how to ask.
    """)
    return


@app.cell(hide_code=True)
def lab_distillation_gain():
    book.lab("distillation-gain")
    return


@app.cell(hide_code=True)
def exercise_control():
    book.exercise("teachers_and_students.control")
    return


@app.cell(hide_code=True)
def text_sizes():
    mo.md(r"""
    ## How small, and how large?

    A student as large as its teacher has nothing to make up for. A tiny one may be unable to follow: with
    larger and better teachers students were found to become *worse* again, and stopping the teacher's
    training early helped (Cho 2019). In between there is room. Where it lies is not known before it is tried.

    Below you can try, in shorter runs than the lab's. Mind how much the seed does by itself.
    """)
    return


@app.cell(hide_code=True)
def figure_students_of_sizes():
    StudentsOfSizes()
    return


@app.cell(hide_code=True)
def text_care():
    mo.md(r"""
    ## Three things that go wrong in silence

    - **Order.** The teacher's third class may be the student's first. The loss falls all the same.
    - **Preparation.** The teacher must see the very picture that the student sees, after *augmentation*, but
      scaled and sized as its own weights want it. Handed over as it is, it answers nonsense with confidence.
    - **Mode.** The teacher is frozen and in *evaluation mode*, in every step. Its batch norms drift
      otherwise, as in the last chapter.

    The workbench does these three, and refuses a teacher that lacks one of your classes.
    """)
    return


@app.cell(hide_code=True)
def figure_silent_mistakes():
    SilentMistakes()
    return


@app.cell(hide_code=True)
def exercise_order():
    book.exercise("teachers_and_students.order")
    return


@app.cell(hide_code=True)
def code_teacher():
    mo.vstack(
        [
            book.source(order_of),
            book.source(teacher_function, fold=True),
            book.source(as_seen_by, fold=True),
            book.source(Distilled, start="def loss", stop="return Loss(total", fold=False),
        ]
    )
    return


@app.cell(hide_code=True)
def text_when():
    mo.md(r"""
    ## When it helps, and when it does not

    - **Pictures without labels** are the best reason. With 300 million of them, and noise on the student's
      side, a student as large as its teacher overtook it on ImageNet (Xie 2019). The teacher's mistakes are
      handed on, too.
    - **Wrong labels**: a teacher that learned from many pictures does not repeat the errors of single ones.
    - **Cut pictures**: the label belongs to the whole photograph, the teacher answers the piece.
    - **Not** where the teacher has learned the same few pictures by heart and is asked for its best class.
    - **Not** where the student is good enough. Try it first without; then narrower networks, and
      *quantisation*, which makes weights smaller without any teacher.
    - **Not** for pictures of another kind. A teacher answers anything with one of its own classes.
    """)
    return


@app.cell(hide_code=True)
def exercise_when():
    book.exercise("teachers_and_students.when")
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Teach one yourself

    A teacher is a run like any other, of any system that knows your classes; a ResNet may teach a CNN.

    ```sh
    glassworks train cnn --data sample:digits --out runs/teacher
    glassworks train cnn --data sample:digits --set "model.widths=[4,8]" \
      --teacher runs/teacher --distil soft --out runs/student
    glassworks train cnn --data sample:digits --set "model.widths=[4,8]" --out runs/plain
    glassworks compare runs/student runs/plain
    ```

    The third run is the one that is left out most often. Without it there is nothing to compare with. The
    panel trains networks of both sizes without a teacher: begin there, and see how far they are apart.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/teachers_and_students",
        {"system": "cnn", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose(
                "model.widths",
                "filters",
                {"the student's, 4 and 8": [4, 8], "the teacher's, 32 and 64": [32, 64]},
            ),
            Slider("epochs", "epochs", 1, 10, step=1, value=4),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/teachers_and_students", {"system": "cnn", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A student learns from the label and from a teacher's shares, softened by a temperature. A hard answer that
    equals the label is no news. Softness helps by itself, so compare with softened labels before you thank
    the teacher. Here its soft answers alone were not shown to help; its answers to pictures without labels
    were. See to the order of classes, the preparation and the mode, and always train the same student without
    a teacher.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/teachers_and_students")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/teachers_and_students")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/teachers_and_students")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/teachers_and_students")
    return


if __name__ == "__main__":
    app.run()
