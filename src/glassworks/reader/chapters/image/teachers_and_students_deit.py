# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Teachers and students: DeiT")

with app.setup:
    import marimo as mo

    from glassworks.models.vision import deit
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.soft_by_hand import SoftByHand
    from glassworks.reader.figures.the_same_piece import TheSamePiece
    from glassworks.reader.figures.two_heads_one_answer import TwoHeadsOneAnswer
    from glassworks.reader.figures.what_a_teacher_says import WhatATeacherSays
    from glassworks.reader.figures.when_a_teacher_helps import WhenATeacherHelps
    from glassworks.reader.figures.why_t_squared import WhyTSquared
    from glassworks.transfer.distil import teacher_function


@app.cell(hide_code=True)
def header():
    book.header("image/teachers_and_students_deit")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A label says one word

    A *Vision Transformer* has little built in: it must learn even that neighbouring *patches* belong
    together. The first paper did best after 300 million pictures, and it was soon said that this many are
    needed. They are not. With strong *augmentation* the same network of 86 million weights reaches 81.8 %
    on ImageNet from its 1.28 million pictures alone (Touvron 2020). That was called DeiT, and its first
    lesson needs no teacher at all.

    The second lesson is this chapter's. A convolutional network knows about neighbours from the start. Can it
    hand on what it knows? Its *inductive bias* cannot be copied, for the two have no part in common. But its
    answers can. To train a student on a teacher's answers is called *distillation* (Hinton 2015).

    What is there in an answer? A label says one word. A teacher gives every class a share, and the shares say
    what the picture looks like besides. To let the small shares count, the scores are divided by a
    *temperature* $T$ before *softmax*. In the figure a real network answers; it knows a thousand classes.
    """)
    return


@app.cell(hide_code=True)
def figure_what_a_teacher_says():
    WhatATeacherSays()
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Soft: match the whole list

    Let $p$ be the teacher's shares and $q$ the student's, both at temperature $T$. The soft loss is

    $$T^2 \sum_c p_c \, (\ln p_c - \ln q_c)$$

    The sum is the *Kullback-Leibler divergence* of $q$ from $p$. It is 0 where both lists agree, and larger
    else. Three classes are enough to see it: the student's *logits* are 2, 1, 0 and the teacher's 3, 0, 0.

    - At $T = 1$ the shares are 0.909, 0.045, 0.045 and 0.665, 0.245, 0.090; the sum is $0.17685$.
    - At $T = 3$ they are 0.576, 0.212, 0.212 and 0.448, 0.321, 0.230; the sum is only $0.03859$.

    The order of $p$ and $q$ matters: the teacher's shares weigh the terms. Turned round it is another number
    (0.2668 instead of 0.1768), which forgives the student other things.
    """)
    return


@app.cell(hide_code=True)
def figure_soft_by_hand():
    SoftByHand()
    return


@app.cell(hide_code=True)
def text_t_squared():
    mo.md(r"""
    ## Why T squared?

    A higher temperature makes both lists more even, so they differ less, and the gradient gets small. By how
    much? The gradient by a score $z_c$ of the student is

    $$\frac{\partial}{\partial z_c} \sum_k p_k (\ln p_k - \ln q_k) = \frac{q_c - p_c}{T}$$

    One factor $1/T$ stands there. Another hides in $q_c - p_c$: at a high temperature shares differ by about
    the scores' difference divided by $T$. Together the gradient falls as $1/T^2$. With the factor $T^2$ it
    stays, and one can try another temperature without having to find a new weight for the teacher.
    """)
    return


@app.cell(hide_code=True)
def figure_why_t_squared():
    WhyTSquared()
    return


@app.cell(hide_code=True)
def exercise_soft_term():
    book.exercise("teachers_and_students_deit.soft_term")
    return


@app.cell(hide_code=True)
def code_loss():
    book.source(deit.distillation_loss)
    return


@app.cell(hide_code=True)
def exercise_soft_loss():
    book.exercise("teachers_and_students_deit.soft_loss")
    return


@app.cell(hide_code=True)
def text_hard():
    mo.md(r"""
    ## Hard: a second label

    There is a blunter way. Take only the teacher's best class, and treat it as a second label:

    $$\tfrac{1}{2}\,\text{CE}(\text{first head}, \text{label}) + \tfrac{1}{2}\,\text{CE}(\text{second head},
    \operatorname{arg\,max} \text{teacher})$$

    CE is *cross-entropy*. No temperature, no small shares: of all that the teacher says, one number is used.
    The student cannot come to match the teacher's scores this way, and it is not asked to.

    In the example above the teacher's best class is the first, and the second term is $-\ln 0.665 = 0.4076$.
    A student that knows nothing gives all $C$ classes the same share. Then either term is $\ln C$, whichever
    classes are meant, and so is their mean.

    The paper gives hard answers half of the loss, and soft ones a tenth of it at temperature 3. With these
    settings the hard ones did better on ImageNet. That is a result of one setting, not a law.
    """)
    return


@app.cell(hide_code=True)
def exercise_uniform():
    book.exercise("teachers_and_students_deit.uniform")
    return


@app.cell(hide_code=True)
def text_token():
    mo.md(r"""
    ## A token of its own

    Label and teacher do not always agree. Rather than pull one answer two ways, DeiT gives the teacher a
    *token*: the *distillation token* stands beside the *class token*, goes through the same blocks, and has a
    *head* of its own.

    | | tokens at 224 pixels, patches of 16 |
    |:---|---:|
    | patches | 196 |
    | class token, read by the head for the label | 1 |
    | distillation token, read by the head for the teacher | 1 |
    | together | 198 |

    After the training the teacher is gone. Both heads stay, and the answer is their mean. The paper adds the
    shares of both heads after softmax; its published code averages the scores. So does the workbench. The
    figure shows that these are two things.

    Here is the whole model, beyond what a Vision Transformer has already. `first_tokens` puts the second
    token in; everything else in `embed` and `encode` is inherited.
    """)
    return


@app.cell(hide_code=True)
def code_deit():
    mo.vstack(
        [
            book.source(deit.DeiT, start="def __init__", stop="self.head.apart", fold=False),
            book.source(deit.TwoHeads, fold=False),
        ]
    )
    return


@app.cell(hide_code=True)
def exercise_tokens():
    book.exercise("teachers_and_students_deit.tokens")
    return


@app.cell(hide_code=True)
def figure_two_heads_one_answer():
    TwoHeadsOneAnswer()
    return


@app.cell(hide_code=True)
def exercise_compromise():
    book.exercise("teachers_and_students_deit.compromise")
    return


@app.cell(hide_code=True)
def exercise_two_heads():
    book.exercise("teachers_and_students_deit.two_heads")
    return


@app.cell(hide_code=True)
def text_frozen():
    mo.md(r"""
    ## The teacher is frozen, and sees the same picture

    The teacher was trained before. While the student learns it stays as it is:

    - **no gradient:** otherwise it would learn to agree with the student, the easiest way to a small loss;
    - **evaluation mode:** *batch normalisation* uses the figures of the training, *dropout* silences nothing,
      and the same picture gets the same answer;
    - **the same picture:** the very piece that augmentation cut out for the student, turned and coloured
      alike.

    The last point is more than tidiness. A label belongs to the whole photograph. If the piece shows only the
    edge of a table, the label still says *espresso*. The teacher looks at the piece and says what is there.
    The authors of DeiT name this as a reason why a teacher's answers can be better than labels.
    """)
    return


@app.cell(hide_code=True)
def figure_the_same_piece():
    TheSamePiece()
    return


@app.cell(hide_code=True)
def code_teacher():
    book.source(teacher_function)
    return


@app.cell(hide_code=True)
def exercise_frozen():
    book.exercise("teachers_and_students_deit.frozen")
    return


@app.cell(hide_code=True)
def text_lab():
    mo.md(r"""
    ## Does it help? What was measured, there and here

    On ImageNet the paper reports 81.8 % without a teacher, and the same 81.8 % with soft answers. Hard
    answers brought 83.0 %, and hard answers with the token and both heads 83.4 %. The teacher itself, a
    convolutional network, has 82.9 %. Convolutional teachers taught better than a Transformer did.

    Our lab asks the same on 200 handwritten digits, eight times. The claim was that token and teacher make a
    small Transformer better, with hard and with soft answers. Plain training reaches 77.6 %, the token
    without a teacher 76.8, hard answers 77.8 and soft ones 78.9; the teacher has 95.7 %. The differences are
    smaller than their intervals: a gain was **not shown**.

    A teacher that is right on 95.7 % of new digits, and its student gains nothing that one could show? Read
    the second note of the lab before you go on. It tells in how many cases the teacher differs from the label
    on the pictures that the student learns from.
    """)
    return


@app.cell(hide_code=True)
def lab_deit_against_plain():
    book.lab("deit-against-plain")
    return


@app.cell(hide_code=True)
def exercise_when():
    book.exercise("teachers_and_students_deit.when")
    return


@app.cell(hide_code=True)
def text_when():
    mo.md(r"""
    ## When a teacher has something to say

    So we give it something to say. Below, 4 of 10 labels of the student are wrong on purpose. The teacher
    learned from 790 pictures with right labels, or from the student's own with their errors. Everything is
    trained while you look, in short runs, one of each: the figure shows that a difference can be made, not
    how large it is. Change the seed before you believe a number.
    """)
    return


@app.cell(hide_code=True)
def figure_when_a_teacher_helps():
    WhenATeacherHelps()
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train one

    A teacher is a run like any other. Any system that knows the classes will do:

    ```sh
    glassworks train cnn --data sample:digits --out runs/teacher
    glassworks train deit --data sample:digits --teacher runs/teacher --distil hard
    ```

    The button below trains a DeiT without a teacher, with both heads learning the label through their mean.
    That is a fair thing to compare with: the same tokens, the same heads, no second opinion.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/teachers_and_students_deit",
        {"system": "deit", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("augment", "random changes of the pictures", {"light": "light", "none": "none"}),
            Slider("epochs", "epochs", 1, 20, step=1, value=10),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/teachers_and_students_deit", {"system": "deit", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A teacher's answer is a list of shares, and a temperature brings up the small ones. The soft loss
    matches the list and is multiplied by $T^2$, because its gradient shrinks by as much. Hard distillation
    uses the best class alone, as a second label. DeiT gives it a token and a head: 198 tokens, two answers,
    their mean. The teacher is trained beforehand, frozen, in evaluation mode, and looks at the student's
    own picture. It can only help where it says something that the labels do not; in our lab its hard
    answers did not, and no gain was shown.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/teachers_and_students_deit")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/teachers_and_students_deit")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/teachers_and_students_deit")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/teachers_and_students_deit")
    return


if __name__ == "__main__":
    app.run()
