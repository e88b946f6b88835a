# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Inside attention")

with app.setup:
    import marimo as mo

    from glassworks.blocks.attention import Maps, SelfAttention, attend, written_is_faster
    from glassworks.blocks.drop_path import DropPath, shares
    from glassworks.blocks.encoder_block import MLP, BlockConfig, EncoderBlock
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.block_walk import BlockWalk
    from glassworks.reader.figures.cost_of_maps import CostOfMaps
    from glassworks.reader.figures.gelu_and_relu import GeluAndRelu
    from glassworks.reader.figures.gradients_by_depth import GradientsByDepth
    from glassworks.reader.figures.heads_side_by_side import HeadsSideBySide
    from glassworks.reader.figures.one_token_asks import OneTokenAsks
    from glassworks.reader.figures.skipped_paths import SkippedPaths
    from glassworks.reader.figures.width_and_sharpness import WidthAndSharpness


@app.cell(hide_code=True)
def header():
    book.header("image/inside_attention")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## One token asks

    A Vision Transformer reads patches, and in every block each *token* may look at all others. This is
    *attention*, and it is an average: a token gets the mean of what the others hold, weighted by how well
    they fit its question. Three vectors are made from each token for that, by three learned matrices:

    - the *query*: what this token asks for,
    - the *key*: what it offers to be found by,
    - the *value*: what it hands on when it is found.

    Take three tokens, A, B and C, with two numbers each. Their keys are (1, 0), (0, 1) and (1, 1). A token
    asks with the query (2, 0):

    1. Compare: the product of the query with each key, $2 \cdot 1 + 0 \cdot 0 = 2$ for A, 0 for B, 2 for C.
    2. Scale: divide by the root of 2, the numbers a key. That gives 1.414, 0 and 1.414.
    3. Share out: *softmax* makes 44.6 %, 10.8 % and 44.6 % of it. These are the weights; they sum to 1.
    4. Average: with the values (1, 0), (0, 1) and (-1, -1) the answer is (0, -0.337).

    Turn the query, and watch the weights. The answer stays inside the triangle of the values: attention mixes
    what is there, it invents nothing.
    """)
    return


@app.cell(hide_code=True)
def figure_one_token():
    OneTokenAsks()
    return


@app.cell(hide_code=True)
def exercise_weights():
    book.exercise("inside_attention.weights")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## All tokens at once, and why there is a root

    Every token asks. Lay the queries of $N$ tokens as rows into a matrix $Q$, the keys into $K$, the values
    into $V$. Then all four steps are one line (Vaswani 2017):

    $$ \text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V $$

    $Q K^\top$ has a row for each query and a column for each key. Softmax runs along each *row*, over the
    keys; every row sums to 1, the columns do not. $d$ is the number of numbers in a key.

    Why the root? Let the numbers of a query and a key be independent, with mean 0 and spread 1, as they are
    about when training begins. Each of the $d$ products then has the variance 1, and variances add: the sum
    has the variance $d$ and the spread $\sqrt{d}$. Without the root, wider keys make larger scores, and
    softmax of large scores gives nearly everything to the largest.

    That would be a bad beginning. The choice is made before anything is learned, and where a weight $w$ is
    close to 0 or 1 the slope of softmax, $w (1 - w)$, is close to 0: there is little to learn from.
    Divided by the root, the scores have the spread 1 at every width. This says how to *start*. Later the
    model makes its queries as long as it wants, and decides sharply where that helps.
    """)
    return


@app.cell(hide_code=True)
def figure_width():
    WidthAndSharpness()
    return


@app.cell(hide_code=True)
def exercise_root():
    book.exercise("inside_attention.root")
    return


@app.cell(hide_code=True)
def text_lines():
    mo.md(r"""
    ## Five lines

    Now write it. The library's function, to compare with, is `F.scaled_dot_product_attention`. Three mistakes
    raise no error and give numbers that look fine: softmax along the wrong axis, no root, and a root of the
    wrong number. So it pays to compare on random shapes in which no two sizes are equal.

    Look for the number of a place in these lines: there is none. Tokens in another order give the same
    answers in that other order. Attention is *equivariant* to the order, which is why the last chapter
    needed positions:

    ```python
    import torch
    import torch.nn.functional as F

    dice = torch.Generator().manual_seed(0)
    tokens, order = torch.randn(5, 8, generator=dice), torch.tensor([3, 0, 4, 1, 2])
    answer = F.scaled_dot_product_attention(tokens, tokens, tokens)
    again = F.scaled_dot_product_attention(tokens[order], tokens[order], tokens[order])
    torch.allclose(again, answer[order], atol=1e-5)  # -> True
    torch.allclose(again, answer, atol=1e-5)  # -> False
    ```
    """)
    return


@app.cell(hide_code=True)
def exercise_attention():
    book.exercise("inside_attention.attention")
    return


@app.cell(hide_code=True)
def text_heads():
    mo.md(r"""
    ## Heads: several questions side by side

    A softmax gives one set of weights, so one attention can ask one question. A token may need more: what
    stands to my left? where else is this colour? Hence the width is cut into pieces. ViT-B/16 has 768 numbers
    a token and 12 *attention heads*; each head has queries, keys and values of 64 numbers, and its own
    weights. The 12 answers of 64 numbers are laid side by side, which makes 768 again, and one more matrix,
    the projection, mixes them.

    Heads cost no parameters: the same matrices are cut in another way. What they cost is maps. A block holds
    12 maps of 197 × 197 weights, one for each head.

    In the figure five heads look at a photograph of 14 × 14 patches. Their queries and keys were written by
    hand, so that we know what each one looks for; the weights are computed from the pixels and places by the
    installed function. What *learned* heads look for is another matter. Some can be described in a word, many
    cannot; the next chapter draws them.
    """)
    return


@app.cell(hide_code=True)
def figure_heads():
    HeadsSideBySide()
    return


@app.cell(hide_code=True)
def exercise_heads():
    book.exercise("inside_attention.heads")
    return


@app.cell(hide_code=True)
def text_block():
    mo.md(r"""
    ## The block: attention is half of it

    Attention only mixes tokens. The other half of a *Transformer* block works on each token alone. Together:

    $$ x \leftarrow x + \text{attention}(\text{norm}_1(x)) $$
    $$ x \leftarrow x + \text{MLP}(\text{norm}_2(x)) $$

    **The MLP** is two layers with an activation between them: 768 numbers become 3,072, four times as many,
    and 768 again. It holds two thirds of a block's parameters, and most of its work at 197 tokens.

    **The plus** is a *residual connection*, as in ResNet (He 2015): each half adds a correction to what was
    there. The sum is a straight way, from the first block to the last and for the gradient back.

    **The norm** is *layer normalisation* (Ba 2016). It brings the 768 numbers of each token to mean 0 and
    spread 1, then scales and moves them by learned numbers. It is sometimes said to be there because
    sentences differ in length. Pictures of one size do not, and it is used all the same. What it brings: a
    token is normed by its own numbers alone. Neither the batch nor the other tokens matter, so learning and
    answering do the same, and a batch of 1 works. A small number $\varepsilon$ under the root keeps it from
    dividing by zero. ViT has $10^{-6}$, where torch's layer comes with $10^{-5}$; for weights of others,
    take theirs.

    Counted for ViT-B/16: attention with its norm has 2,363,904 parameters, the second norm 1,536, the MLP
    4,722,432; a block 7,087,872. Twelve blocks, the patch embedding (590,592), the class token (768),
    positions (151,296) and a last norm (1,536) make 85,798,656: the whole model but for its head.
    """)
    return


@app.cell(hide_code=True)
def figure_block():
    BlockWalk()
    return


@app.cell(hide_code=True)
def code_block():
    mo.vstack([book.source(EncoderBlock), book.source(MLP), book.source(BlockConfig, fold=True)])
    return


@app.cell(hide_code=True)
def exercise_block():
    book.exercise("inside_attention.block")
    return


@app.cell(hide_code=True)
def text_norms():
    mo.md(r"""
    ## Where the norm stands

    The Transformer of 2017 normed after the sum: $x \leftarrow \text{norm}(x + \text{attention}(x))$. That is
    *post-norm*. ViT and most later models norm inside the branch, as above: *pre-norm*. The sum is then
    scaled by nothing and grows from block to block, so pre-norm needs one more norm behind the last block.

    "Pre-norm prevents exploding gradients" is a saying. The paper that studied it (Xiong 2020) says something
    finer, about the moment before the first step. With post-norm the gradients near the output are large,
    however deep the stack. With pre-norm they shrink with the root of its depth. Large gradients there and
    a full learning rate at once do not go together; so post-norm stacks want a *warm-up*: the rate rises over
    the first steps.

    We can measure all of it on stacks that fit this page. Predict first.
    """)
    return


@app.cell(hide_code=True)
def exercise_norms():
    book.exercise("inside_attention.norms")
    return


@app.cell(hide_code=True)
def figure_gradients():
    GradientsByDepth()
    return


@app.cell(hide_code=True)
def lab_norm():
    book.lab("norm-by-depth")
    return


@app.cell(hide_code=True)
def text_gelu():
    mo.md(r"""
    The lab repeats this with three seeds and trains on. Before the first step the paper is borne out: from
    4 to 16 blocks the gradient of the last block falls from about 0.08 to 0.04 with pre-norm, and does not
    fall with post-norm. Nothing has exploded, nothing has vanished. After 20 steps at the full rate the
    first of 16 post-norm blocks had a gradient below 0.00001 in all three runs, and all pictures had all
    but the same features. In the end 9 % of the digits were right: a guess.

    With 4 blocks the two orders differ by 2 points, less than the seeds do. A slow start saved one
    post-norm run of three at this rate. It helps pre-norm too: 16 blocks reach 82 % with it and 69 %
    without. So pre-norm does not make depth free, and 4 blocks are better here than 16. It forgives a bold
    start. Post-norm can be trained as well: the Transformer of 2017 was, with a long warm-up.

    ## GELU beside ReLU

    Between the two layers of the MLP stands an activation; without it the two would be one. The Transformer
    of 2017 had *ReLU*, $\max(0, x)$ (Nair and Hinton 2010). ViT has *GELU* (Hendrycks and Gimpel 2016): $x$
    times the probability $\Phi(x)$ that a standard normal number lies below $x$,

    $$ \text{GELU}(x) = x \, \Phi(x) = \tfrac{1}{2}\, x \left(1 + \text{erf}\big(x / \sqrt{2}\big)\right) $$

    | $x$ | -3 | -1 | 0 | 1 | 3 |
    |:---|---:|---:|---:|---:|---:|
    | GELU | -0.004050 | -0.158655 | 0 | 0.841345 | 2.995950 |
    | ReLU | 0 | 0 | 0 | 1 | 3 |

    GELU does not simply ease negative numbers to 0: it goes down to -0.169971 at $x = -0.751790$ and comes
    back up. Its slope at 0 is 0.5. A short form by tanh gives -0.158808 at -1; a model that was trained
    with one form is a little off with the other.

    Why not ReLU? One reason that is given are units that fall silent: not because of the corner at 0, but
    because ReLU is *flat* on the whole negative side. GELU has a slope there, a small one. Another reason is
    that it did better in the comparisons of its paper. Neither makes it vital: many language models now use
    other, gated activations, and the lab below asks what GELU brings here.
    """)
    return


@app.cell(hide_code=True)
def figure_gelu():
    GeluAndRelu()
    return


@app.cell(hide_code=True)
def exercise_silent():
    book.exercise("inside_attention.silent")
    return


@app.cell(hide_code=True)
def lab_gelu():
    book.lab("gelu-against-relu")
    return


@app.cell(hide_code=True)
def text_drop():
    mo.md(r"""
    The lab shows no difference: GELU changes accuracy by -0.3 points, somewhere between -1.3 and +0.6, and
    after training no unit was silent with either. On these digits ReLU would have done as well. That does
    not speak against GELU in a large model; it says that nobody should expect wonders of this line.

    ## DropPath: shorter ways while learning

    A residual block adds a correction, so a stack works without one of its blocks, if a little worse.
    *DropPath* (Huang 2016), or stochastic depth, makes use of that. While training, each picture skips a
    branch with some probability $p$; what stays is divided by $1 - p$, so that the mean is kept. While
    answering, every branch is taken. *Dropout* silences single numbers; DropPath silences a whole correction.

    How often? The usual schedule is a straight line: 0 at the first block, the largest share at the last,
    since early blocks make what all later ones build on. In 12 blocks with 0.1 at the last, the shares are 0,
    0.009, 0.018 and so on. In ours attention and MLP of a block draw apart.

    It is sometimes called necessary beyond 24 blocks only. DeiT uses 0.1 with 12 blocks (Touvron 2020), and
    the first ViT has none. It is a means against *overfitting*, and whether it helps depends on data and
    time.
    """)
    return


@app.cell(hide_code=True)
def figure_skipped():
    SkippedPaths()
    return


@app.cell(hide_code=True)
def code_drop_path():
    mo.vstack([book.source(DropPath), book.source(shares)])
    return


@app.cell(hide_code=True)
def exercise_drop_path():
    book.exercise("inside_attention.drop_path")
    return


@app.cell(hide_code=True)
def lab_drop():
    book.lab("drop-path-effect")
    return


@app.cell(hide_code=True)
def text_paths():
    mo.md(r"""
    The lab finds the schedule kept in every block, and no gain: with a share that rises to 0.2, accuracy
    changes by -0.2 points, somewhere between -4.1 and +3.7. The gap to the training part is about 26 points
    with it and without. Eight narrow blocks that learn from 200 digits for 250 steps are not what DropPath
    was made for; claims about it are about long training of deep models.

    ## Two ways to compute the same

    The five lines write the map of weights down: one number for each pair of tokens, in each head, for each
    picture. A *fused kernel* goes through the keys in pieces, keeps a running sum for each query, and never
    holds the map (Dao 2022). Forward the products are the same; for the backward pass it computes the weights
    once more. The memory grows with the tokens instead of their square, and the answers agree up to rounding.
    Which way is faster depends on machine, type and size, so `attend` chooses; what it chooses by was
    measured, and stands in `written_is_faster`.

    Whoever wants to *see* the maps needs the first way. With torch's own layer that is easy to get wrong:

    ```python
    import torch
    from torch import nn

    ask, x = nn.MultiheadAttention(768, 12, batch_first=True), torch.zeros(1, 197, 768)
    ask(x, x, x, need_weights=False)[1]  # -> None
    ask(x, x, x)[1].shape  # -> torch.Size([1, 197, 197])
    ask(x, x, x, average_attn_weights=False)[1].shape  # -> torch.Size([1, 12, 197, 197])
    ```

    The first line is what torchvision's ViT asks for: a hook on it gets no weights. The second is a mean over
    heads. Of such a map the picture of one token is a row. Token 0 is the class token, and the patches are
    tokens 1 to 196. Leave out the first number of row 0, what the class token gives to itself; 196 remain, a
    picture of 14 × 14. The whole row sums to 1, so these sum to at most 1.

    In our models a module called `maps` stands where the weights pass. When somebody listens to it, the
    written way is taken; otherwise it costs nothing.
    """)
    return


@app.cell(hide_code=True)
def code_attend():
    mo.vstack(
        [
            book.source(attend),
            book.source(SelfAttention, start="def forward"),
            book.source(Maps, fold=True),
            book.source(written_is_faster, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def figure_maps():
    CostOfMaps()
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train it

    The whole ViT at its smallest size learns digits of 32 × 32 pixels, in patches of 4. Change where the norm
    stands, the depth and DropPath, and compare. The rate rises slowly over the first 15 % of the steps: what
    does post-norm with 12 blocks make of that? Below it you can train the same model on pictures of your own.
    They stay on this machine.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/inside_attention",
        {"system": "vit", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("model.block.norm", "norm", {"pre (recipe)": "pre", "post": "post"}),
            Choose("model.depth", "blocks", {"4 (recipe)": 4, "12": 12, "2": 2}),
            Choose("model.block.drop_path", "DropPath", {"none (recipe)": 0.0, "0.1": 0.1, "0.3": 0.3}),
            Slider("epochs", "epochs", 1, 20, step=1, value=10),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/inside_attention", {"system": "vit", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Attention compares a query with all keys, divides by the root of the depth so that softmax starts
    undecided, shares out a weight of 1, and averages the values. Heads are several small attentions in one
    width. A block adds two corrections: one that mixes tokens, one for each token alone. Where the norm
    stands costs nothing, and decides how carefully a deep stack must be started. GELU and DropPath are
    choices to measure. The map of weights is written down only when somebody asks for it.

    The next chapter asks for it: it draws what a trained model looked at, and tests whether the drawing can
    be believed.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/inside_attention")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/inside_attention")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/inside_attention")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/inside_attention")
    return


if __name__ == "__main__":
    app.run()
