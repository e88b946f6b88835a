# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Learning by hand")

with app.setup:
    import marimo as mo

    from glassworks.foundations import by_hand
    from glassworks.foundations.tape import Value, pass_back
    from glassworks.reader import book
    from glassworks.reader.figures.bouncing_ball import BouncingBall, travelled
    from glassworks.reader.figures.cost_of_gradients import CostOfGradients
    from glassworks.reader.figures.digits_by_hand import DigitsByHand
    from glassworks.reader.figures.leaf_or_copy import LeafOrCopy
    from glassworks.reader.figures.nudge import NudgeChain
    from glassworks.reader.figures.one_weight import OneWeight
    from glassworks.reader.figures.tape_backwards import TapeBackwards, TapeOfVectors
    from glassworks.reader.figures.three_ways import ThreeWays


@app.cell(hide_code=True)
def header():
    book.header("foundations/learning_by_hand")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## One number learns

    A model is a function with numbers in it, the *weights*. It learns when these numbers change so that its
    answers become less wrong. This chapter changes one number with a pencil. Then it lets a program do the
    same for 2,410 numbers. The mathematics does not change on the way.

    Our model has one weight $w$ and makes one prediction from one input $x$:

    $$\text{prediction} = w \cdot x$$

    The right answer is $y$. The *loss* says how wrong the prediction is. We take the *squared error*:

    $$L = (\text{prediction} - y)^2$$

    Let $x = 2$, $y = 10$ and $w = 1$. The prediction is 2, and the loss is $(2 - 10)^2 = 64$. Which way
    should $w$ go, and how far?
    """)
    return


@app.cell(hide_code=True)
def text_slope():
    mo.md(r"""
    ### Two slopes, multiplied

    A slope, in mathematics a *derivative*, says how fast a result changes when one number moves a little.
    Here are two of them.

    - Move the prediction a little. The loss changes $2 \cdot (\text{prediction} - y)$ times as much. Here
      that is $2 \cdot (2 - 10) = -16$.
    - Move the weight a little. The prediction changes $x$ times as much. Here that is $2$.

    So a move of the weight changes the loss $-16 \cdot 2 = -32$ times as much. This number is the
    *gradient* of the loss with respect to $w$:

    $$\frac{dL}{dw} = \frac{dL}{d\,\text{prediction}} \cdot
    \frac{d\,\text{prediction}}{dw} = -16 \cdot 2 = -32$$

    It is negative: a larger weight makes the loss smaller. So we go against the gradient, by a small part
    of it. That part is the *learning rate*, here 0.01:

    $$w_{\text{new}} = w - \text{rate} \cdot \frac{dL}{dw} = 1 - 0.01 \cdot (-32) = 1.32$$

    This is one step of *gradient descent*. There is nothing else in it.
    """)
    return


@app.cell(hide_code=True)
def figure_one_weight():
    OneWeight()
    return


@app.cell(hide_code=True)
def exercise_gradient():
    book.exercise("learning_by_hand.gradient")
    return


@app.cell(hide_code=True)
def code_one_weight():
    book.source(by_hand.one_weight)
    return


@app.cell(hide_code=True)
def text_steps():
    mo.md(r"""
    ## Many steps, and how long they should be

    One step is not enough. Repeat it, each time with the gradient at the new weight:

    | step | weight before | loss before | weight after |
    |---|---|---|---|
    | 1 | 1 | 64 | 1.32 |
    | 2 | 1.32 | 54.1696 | 1.6144 |
    | 3 | 1.6144 | 45.84914944 | 1.885248 |
    | 4 | 1.885248 | 38.80672009 | 2.13442816 |

    The best weight is 5, because $5 \cdot 2 = 10$. We are on the way, slowly. A larger rate should be
    faster. Is there a rate that is too large? Decide before you look.
    """)
    return


@app.cell(hide_code=True)
def exercise_rate():
    book.exercise("learning_by_hand.rate")
    return


@app.cell(hide_code=True)
def text_rate():
    mo.md(r"""
    ### Where the limit is

    Call $d = w - y/x$ the distance from the best weight. The gradient is $2 x (w x - y) = 2 x^2 d$. So a
    step turns $d$ into

    $$d_{\text{new}} = d - \text{rate} \cdot 2 x^2 d = (1 - 2 \cdot \text{rate} \cdot x^2) \cdot d$$

    Every step multiplies the distance by the same factor. With $x = 2$ and the rate 0.01 it is 0.92. The
    distance shrinks when the factor lies between $-1$ and $1$. It grows without end when $|1 - 2 \cdot
    \text{rate} \cdot x^2| > 1$: the training *diverges*. Go back to the figure and find, with the slider of
    the rate, where this begins for $x = 2$. Then set $x = 3$. Why did the limit move?

    In a large network nobody knows this limit in advance, because it depends on the data and changes while
    the network learns. A loss that jumps up and becomes `nan` is its usual sign.
    """)
    return


@app.cell(hide_code=True)
def exercise_step():
    book.exercise("learning_by_hand.step")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## The chain rule

    We multiplied two slopes. The rule behind it holds for chains of any length. If $b$ is computed from
    $a$, and $c$ from $b$, and so on up to a loss $L$, then

    $$\frac{dL}{da} = \frac{dL}{dc} \cdot \frac{dc}{db} \cdot \frac{db}{da}$$

    In words: a small nudge at the start is multiplied by every slope that it passes. This is the *chain
    rule*.

    Two things make it useful for millions of weights.

    1. **Each factor is local.** The slope of a square needs only what was squared. No function needs to
       know what stands before it or behind it.
    2. **The factors can be shared.** All weights of a network reach the loss through the same last
       operations. Multiply from the loss backwards, and these factors are computed once for all of them.
       This order is *back-propagation* (Rumelhart, Hinton, Williams 1986).
    """)
    return


@app.cell(hide_code=True)
def figure_nudge():
    NudgeChain()
    return


@app.cell(hide_code=True)
def text_three_ways():
    mo.md(r"""
    ## The same step, three times

    You can write the slopes yourself, as above. Or a program can note every operation and multiply the
    slopes for you. Glassworks has such a program in about 320 lines, the *tape*. PyTorch has a fast one
    (Paszke and others 2019).

    All three take the same step. "The same" needs a word of care: a computer rounds. The number 0.01 has no
    exact binary form. In 32 bits it is stored as 0.00999999978, and the new weight comes out as
    1.3199999332. In 64 bits the error is so small that the result prints as 1.32. So results are compared
    with a tolerance:

    ```python
    a, b = 1.32, 1.3199999332
    print(a == b)             # -> False
    print(abs(a - b) <= 1e-5) # -> True
    ```
    """)
    return


@app.cell(hide_code=True)
def figure_three_ways():
    ThreeWays()
    return


@app.cell(hide_code=True)
def text_tape():
    mo.md(r"""
    ## The tape

    Look at the middle program: no slope is written in it. Where does the gradient come from?

    A `Value` is a number that remembers how it was made. Each operation computes its result at once and
    notes two things: which values it came from, and a rule for the way back. These notes are the tape, and
    together they form a *computation graph*. A value that you made yourself is a *leaf*. A *constant* is
    not learned, so it needs no gradient.

    `backward()` visits the results in reverse order. The loss starts with gradient 1, because it changes
    exactly as much as itself. Each visit multiplies the gradient by the slopes of one operation and hands
    the shares to its inputs. This is called reverse-mode *automatic differentiation* (Baydin and others
    2018).

    Press Next and follow one visit at a time. Then choose the other expressions: a value that is used
    twice, a *ReLU* unit that lets nothing through, a branch of which only one side ran.
    """)
    return


@app.cell(hide_code=True)
def figure_tape():
    TapeBackwards()
    return


@app.cell(hide_code=True)
def exercise_twice():
    book.exercise("learning_by_hand.twice")
    return


@app.cell(hide_code=True)
def text_rules():
    mo.md(r"""
    ### One rule for each operation

    Below is all that the tape knows about multiplication, and the loop that runs it backwards. In the rule,
    `g` is the gradient of the result. It comes from above and is multiplied by the slope: by `other` for
    one input, by `self` for the other. Every operation of the tape is written like this.
    """)
    return


@app.cell(hide_code=True)
def code_tape():
    mo.vstack([book.source(Value.__mul__), book.source(pass_back, start="gradients = {", stop="yield node")])
    return


@app.cell(hide_code=True)
def exercise_backward():
    book.exercise("learning_by_hand.backward")
    return


@app.cell(hide_code=True)
def text_vectors():
    mo.md(r"""
    ## Vectors and matrices

    Values may be arrays. Nothing new is needed, but two rules are worth seeing.

    **A mean shares the gradient out.** Take $x = [2, 3]$, then $y = x^2 + 5 = [9, 14]$, then the mean of
    $y$, which is 11.5. Each element receives $1/N$ of the gradient, and the square multiplies it by $2x$:

    $$\frac{d\,\text{mean}}{dx_i} = \frac{2 x_i}{N}$$

    For two elements this gives $[2, 3]$. The gradient looks like the input, but only because $N = 2$. For
    $x = [2, 3, 4]$ it is $[1.333, 2, 2.667]$.

    ```python
    import torch

    x = torch.tensor([2.0, 3.0], requires_grad=True)
    (x**2 + 5).mean().backward()
    print(x.grad.tolist())  # -> [2.0, 3.0]
    ```

    **What was repeated is summed.** One bias that is added to every row is used many times. This is
    *broadcasting*. Its shares add up, so the gradient is summed over the rows and gets the shape of the
    bias.
    """)
    return


@app.cell(hide_code=True)
def figure_vectors():
    TapeOfVectors()
    return


@app.cell(hide_code=True)
def exercise_mean():
    book.exercise("learning_by_hand.mean")
    return


@app.cell(hide_code=True)
def text_leaf():
    mo.md(r"""
    ### Who keeps a gradient

    In PyTorch only leaves keep their gradient, because only leaves can be learned. A move to another
    device, or to another kind of number, is an operation. Its result is a copy, the copy is not a leaf, and
    its `grad` is `None`.

    The trap is to give the copy the old name. On a machine without a GPU, `x = x.to(device)` moves nothing,
    and all seems well. On a machine with one, the same line loses the leaf. Create a tensor where it is
    needed, or keep a name for the leaf. The figure moves to `float64` instead, which makes a copy on every
    machine.
    """)
    return


@app.cell(hide_code=True)
def figure_leaf():
    LeafOrCopy()
    return


@app.cell(hide_code=True)
def exercise_leaf():
    book.exercise("learning_by_hand.leaf")
    return


@app.cell(hide_code=True)
def text_dynamic():
    mo.md(r"""
    ## A graph that is new each time

    The tape is written while Python runs. So a model may use `if` and `while`, and the numbers may decide
    how often. The next model is a ball that is dropped. Each bounce lifts it to `bounce` times the height
    before, until it rises less than 10 centimetres. It predicts the whole distance. Somebody measured the
    distances of four balls. Which factor do they bounce with?

    Every run of the loop adds four values to the tape, so two balls leave tapes of different lengths. The
    gradient is right for the path that ran. It knows nothing of the path that did not run: where one more
    bounce begins, the distance jumps, and no slope shows a jump. Choose the rate 0.0015 to see that matter.
    """)
    return


@app.cell(hide_code=True)
def code_ball():
    book.source(travelled)
    return


@app.cell(hide_code=True)
def figure_ball():
    BouncingBall()
    return


@app.cell(hide_code=True)
def text_many():
    mo.md(r"""
    ## From one weight to thousands

    Now the same loop for a network of two layers that reads handwritten digits. It has 64 inputs, 32 hidden
    ReLU units and 10 scores. That is $64 \cdot 32 + 32 + 32 \cdot 10 + 10 = 2{,}410$ weights. The loss is
    another one, cross-entropy, which the next chapter explains. In the code you find every line of this
    chapter again: the forward pass, `backward()`, and `data -= rate * grad`.
    """)
    return


@app.cell(hide_code=True)
def code_network():
    book.source(by_hand.train, start="order, total", stop="total +=")
    return


@app.cell(hide_code=True)
def train():
    DigitsByHand()
    return


@app.cell(hide_code=True)
def text_cost():
    mo.md(r"""
    ## What a gradient costs

    There is a way without any calculus: nudge one weight, compute the loss again, and divide. These are
    *finite differences*. They are a good check, because they can share no mistake with the chain rule. But
    they need one forward pass for every weight, for every step.

    The tape needs one pass back, whatever the number of weights. Its price is a second pass and memory. The
    pass back takes about twice as long as the forward pass: a product $A B$ is one product forward, and two
    backward, one for $A$ and one for $B$. And every value of the forward pass has to stay until the pass
    back has used it. That memory grows with the number of examples in a batch. It is the usual reason why a
    training does not fit on a device that can run the same model.
    """)
    return


@app.cell(hide_code=True)
def figure_cost():
    CostOfGradients()
    return


@app.cell(hide_code=True)
def lab_manual_equals_tape():
    book.lab("manual-equals-tape")
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A step of learning is: predict, measure the loss, find the slope of the loss for each weight, and move
    each weight a little against it. The chain rule gives the slopes as products of local ones. A tape notes
    the operations while they run and multiplies these slopes from the loss backwards, in one pass for all
    weights. Where a value is used twice, its shares add. Only leaves keep a gradient. The learning rate has
    an upper limit, beyond which every step makes things worse.

    The next chapter puts these steps into a loop with batches of data, and shows how to know whether what
    was learned is worth anything.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("foundations/learning_by_hand")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("foundations/learning_by_hand")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("foundations/learning_by_hand")
    return


@app.cell(hide_code=True)
def references():
    book.references("foundations/learning_by_hand")
    return


if __name__ == "__main__":
    app.run()
