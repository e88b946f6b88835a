# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Pictures as sentences")

with app.setup:
    import marimo as mo

    from glassworks.blocks.patches import Patches, grid_of
    from glassworks.blocks.positions import RelativePositions, offsets, sine_cosine
    from glassworks.models.vision.vit import ViT, ViTConfig
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.one_number import OneNumber
    from glassworks.reader.figures.patch_cost import PatchCost
    from glassworks.reader.figures.patch_cut import PatchCut
    from glassworks.reader.figures.places_compared import PlacesCompared
    from glassworks.reader.figures.shuffled_sentence import ShuffledSentence
    from glassworks.reader.figures.whole_vit import WholeViT


@app.cell(hide_code=True)
def header():
    book.header("image/pictures_as_sentences")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Read a picture like a text

    A convolutional network looks at a picture through small filters and sees a little more with each
    layer. A *Transformer* was made for text: it takes a row of words, and from its first layer on each
    word can look at every other one (Vaswani 2017). Can it read pictures too?

    It can, and the trick is short: cut the picture into squares, and treat each square as a word
    (Dosovitskiy 2020). A square is a *patch*; what the Transformer reads in its place is a vector, a
    *token*; and the whole model is a *Vision Transformer (ViT)*. After the cut nothing in it is special to
    pictures.

    A picture of 224 × 224 pixels in patches of 16 × 16 is a sentence of 14 · 14 = 196 words. A smaller patch
    shows more detail and makes a longer sentence. Move the slider, and watch what a block has to compute.
    """)
    return


@app.cell(hide_code=True)
def figure_patch_cut():
    PatchCut()
    return


@app.cell(hide_code=True)
def exercise_tokens():
    book.exercise("pictures_as_sentences.tokens")
    return


@app.cell(hide_code=True)
def text_sizes():
    mo.md(r"""
    ### Sizes that do not divide

    Set the slider to 12: then 8 of the 224 pixels are left over on two sides. A program can enlarge the
    picture a little, add a rim, or refuse. The worst is to crop without a word, and that is what a bare
    convolution does. Here the size is checked when the model is made, and the message names one that fits.
    A picture need not be square: 3,840 × 2,160 makes a grid of 240 columns and 135 rows.
    """)
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## From a patch to a token

    A patch of $P \times P$ pixels with $C$ colours is $P^2 C$ numbers. Lay them out in a row $x$. One linear
    layer turns them into a token of $D$ numbers:

    $$ t = W x + b, \qquad W \text{ of shape } D \times P^2 C $$

    This is the *patch embedding*; an *embedding* is a vector that stands for something else. The same $W$
    serves all patches, wherever they stand. Each of its rows is as large as a patch and can be looked at
    as a small picture: a filter.

    So the layer does what a *convolution* does, with one difference: its filter moves on by a whole patch
    instead of one pixel. The step of a filter is its *stride*, and here it is as long as the filter is wide.
    That is why the first layer of a Vision Transformer is written as a convolution:

    ```python
    import torch
    from torch import nn

    embedding = nn.Conv2d(3, 768, kernel_size=16, stride=16)
    maps = embedding(torch.zeros(1, 3, 224, 224))
    maps.shape  # -> torch.Size([1, 768, 14, 14])
    maps.flatten(2).transpose(1, 2).shape  # -> torch.Size([1, 196, 768])
    ```

    The last line makes a sentence of the maps: 196 tokens, row by row, each of 768 numbers. The figure
    shows how one of these numbers comes about, with filters that were made by hand. In a model they are
    learned.
    """)
    return


@app.cell(hide_code=True)
def figure_one_number():
    OneNumber()
    return


@app.cell(hide_code=True)
def code_patches():
    mo.vstack([book.source(Patches), book.source(grid_of, fold=True)])
    return


@app.cell(hide_code=True)
def exercise_filters():
    book.exercise("pictures_as_sentences.filters")
    return


@app.cell(hide_code=True)
def exercise_embed():
    book.exercise("pictures_as_sentences.embed")
    return


@app.cell(hide_code=True)
def text_class_token():
    mo.md(r"""
    ## Who gives the answer?

    The Transformer gives back as many tokens as it was given, and we want one answer for the whole picture.
    There are two usual ways.

    - **A class token.** One more vector is learned and put before the patches, as token 0. It belongs to no
      patch. In each block it looks at all patches and gathers what the answer needs; at the end the head
      reads this token alone. So 196 patches make 197 tokens. This *class token* comes from text models.
    - **The mean.** The head reads the average of all patches, as many convolutional networks do.

    It is sometimes said that a ViT never averages its patches. Many do (Beyer 2022). The first paper
    found the mean much worse at first; then its authors gave it a learning rate of its own, and the
    difference was gone. The lab below asks the same question on small pictures, with five seeds, and finds
    the two alike: 95.8 % with a class token, 95.7 % with the mean.

    One thing more happens before the first block: each token, the class token too, gets a vector added that
    stands for its place. These vectors are a table with a row for each token, and the table is learned as
    well. Count both now; what the table is for comes right after.
    """)
    return


@app.cell(hide_code=True)
def lab_class_token_or_mean():
    book.lab("class-token-or-mean")
    return


@app.cell(hide_code=True)
def exercise_table():
    book.exercise("pictures_as_sentences.table")
    return


@app.cell(hide_code=True)
def text_order():
    mo.md(r"""
    ## Without positions the sentence is a bag

    The table of places is called *positions*. Why is it needed? In a block, two things happen to
    tokens. A small network works on each token alone. And *attention* lets each token ask all others and
    take an average of what they hold. How it finds the weights is the next chapter; here one property is
    enough. The answer to token $i$ is

    $$ y_i = \sum_j w_{ij} \, v_j $$

    where the weight $w_{ij}$ depends on what stands in tokens $i$ and $j$. Nowhere does it depend on the
    numbers $i$ and $j$ themselves. A sum does not know the order of its terms. What follows from that?
    """)
    return


@app.cell(hide_code=True)
def exercise_order():
    book.exercise("pictures_as_sentences.order")
    return


@app.cell(hide_code=True)
def figure_shuffled_sentence():
    ShuffledSentence()
    return


@app.cell(hide_code=True)
def text_equivariant():
    mo.md(r"""
    Shuffle the tokens, and the outputs are shuffled in the same way: the model is *equivariant* to the order
    of its tokens. What is read from the mean or from the class token does not change at all: that is
    *invariant*. The two words are often mixed up. In practice the numbers agree up to rounding, since a sum
    in another order differs in its last digits.

    For pictures that would be fatal. Eyes over nose over mouth would be the same as any other pile of these
    patches.
    """)
    return


@app.cell(hide_code=True)
def text_positions():
    mo.md(r"""
    ## Telling each token its place

    **Learned.** A table with one vector for each place, added to the tokens before the first block. This is
    what the first ViT has. The places are numbered row by row: 0 to 195 for the patches, or 1 to 196 behind
    a class token, which has number 0 and a row of its own. The numbering has one dimension, so nothing says
    that place 15 lies under place 1. That must be learned, and usually is. The table begins with small
    random numbers, here with a spread of 0.02.

    **Sine and cosine.** No table is learned: the place is written down as waves. The paper of 2017 does so
    for the running number of a word, with sines and cosines taking turns. For pictures the row and the column
    get waves of their own (Chen 2021, He 2021). With $D$ numbers a token and $q = D/4$ frequencies
    $\omega_k = 10000^{-k/q}$,

    $$ p(r, c) = \big[\, \sin(c\,\omega),\ \cos(c\,\omega),\ \sin(r\,\omega),\ \cos(r\,\omega) \,\big] $$

    for row $r$ and column $c$.

    The four blocks stand *side by side*, each with $q$ numbers; so $D$ must be divisible by 4. What is
    added is the finished vector to the token. In code that you meet elsewhere the row may come first. The
    numbers are the same, the halves swapped, and weights that were learned with one order are wrong with
    the other.

    Why waves? Since $\sin a \sin b + \cos a \cos b = \cos(a - b)$, the product of the vectors of two places
    is a sum of $\cos(\Delta \cdot \omega_k)$. It depends on *how far apart* they are, and on nothing else.
    All vectors are equally long, $\sqrt{D/2}$, which is 19.596 for $D = 768$.
    """)
    return


@app.cell(hide_code=True)
def figure_places_compared():
    PlacesCompared()
    return


@app.cell(hide_code=True)
def exercise_sine():
    book.exercise("pictures_as_sentences.sine")
    return


@app.cell(hide_code=True)
def text_relative():
    mo.md(r"""
    In the figure with base 10,000 and 768 numbers even the farthest places are alike by 0.7: that base was
    chosen for long texts, and on a grid of 14 × 14 most of its waves hardly move. It works all the same,
    because the first layer can pick the fast ones.

    **Relative.** Nothing is added to the tokens. Instead each head of attention learns one number for each
    offset, "two rows up, one column left", and adds it where tokens are compared (Liu 2021). A grid of 14 ×
    14 has 27 · 27 = 729 offsets. Such a table says nothing about absolute places.

    Which kind is best? It is often said that two-dimensional positions must be better for pictures. The
    first paper compared four models: without positions, with learned ones in one and in two dimensions, and
    with relative ones. The first was clearly worse, the other three hardly differed. The lab below compares
    on digits, and adds a question: what if the patches of *all* pictures, for training and for the test, are
    put into one and the same other order? Predict that first.
    """)
    return


@app.cell(hide_code=True)
def code_positions():
    mo.vstack(
        [
            book.source(sine_cosine, fold=True),
            book.source(RelativePositions),
            book.source(offsets, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def exercise_shuffle():
    book.exercise("pictures_as_sentences.shuffle")
    return


@app.cell(hide_code=True)
def lab_positions_and_order():
    book.lab("positions-and-order")
    return


@app.cell(hide_code=True)
def text_whole():
    mo.md(r"""
    The lab says: without positions 78 % of the digits are still told by their patches alone.
    Learned positions and waves bring 17 points each. Relative ones bring 5 in its 400 steps; their tables
    begin near zero, and they learn slowly here. One and the same shuffle for all pictures changes nothing
    that could be measured.

    ## The whole model

    Patches, class token, positions, a stack of equal blocks, a last norm, a head. The code below is the model
    that you train at the end of this chapter, as it is installed. `EncoderBlock`, which holds attention and
    the small network, is the subject of the next chapter.

    `first_tokens` gives what stands before the patches; a later model of this part has two such tokens.

    The table below counts it. ViT-B/16, "base, patches of 16", has 86,567,656 parameters with a head for
    1,000 classes. Swap the head for one of ten classes, as in transfer learning, and 7,690 numbers stand
    where 769,000 were. A forward pass of a picture of 224 × 224 takes 17.56 billion products.

    Where do published weights of this model come from? That differs, and it matters. Those that torchvision
    gives by default were learned on ImageNet's 1.28 million pictures alone, and reach 81.07 % there. The best
    results of the paper came from 300 million pictures that were never published.
    """)
    return


@app.cell(hide_code=True)
def code_vit():
    mo.vstack(
        [
            book.source(ViT.first_tokens),
            book.source(ViT.embed),
            book.source(ViT.encode),
            book.source(ViT.features),
            book.source(ViT.__init__, fold=True),
            book.source(ViTConfig, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def figure_whole_vit():
    WholeViT()
    return


@app.cell(hide_code=True)
def text_cost():
    mo.md(r"""
    ## What another patch costs

    ViT-B/8 has patches of 8 pixels: four times the tokens. It has hardly more parameters than B/16,
    86,576,872 instead of 86,567,656, because smaller filters save nearly what more positions need. The work
    is another matter. We count *multiply-adds*, products that are added up. In a block of width $D$ with
    $N$ tokens there are

    $$ \underbrace{12\, N D^2}_{\text{layers}} + \underbrace{2\, N^2 D}_{\text{attention maps}} $$

    The layers are those of attention ($4 N D^2$) and of the small network ($8 N D^2$). The maps hold a weight
    for each pair of tokens: $N^2 D$ products make them, and as many use them.

    "Half the patch costs 16 times as much" is true of the maps alone, and even there it is 15.9, because the
    class token does not multiply. They are a small part of the block as long as $N$ is far below $6D$. Larger
    patches work the same way down: from patches of 16 to patches of 32 a block of ViT-B gets 4.06 times
    cheaper.

    Does the work pay? On photographs smaller patches usually answer better. More tokens are no gain in
    themselves: on digits of 8 × 8 squares the claim fails, as the lab below shows.
    """)
    return


@app.cell(hide_code=True)
def figure_patch_cost():
    PatchCost()
    return


@app.cell(hide_code=True)
def exercise_cost():
    book.exercise("pictures_as_sentences.cost")
    return


@app.cell(hide_code=True)
def lab_patch_size():
    book.lab("patch-size")
    return


@app.cell(hide_code=True)
def text_bias():
    mo.md(r"""
    ## What a ViT knows before it has seen a picture

    What a model assumes before it has seen data is its *inductive bias*. A convolution assumes that near
    pixels belong together and that a thing looks the same wherever it stands. A ViT assumes much less. It
    does not assume nothing: the pixels of a patch stay together, one filter serves all patches, and
    sine-cosine and relative positions know rows and columns.

    Four sentences that you will meet, and how far they hold:

    - *"A filter of 3 × 3 sees only its neighbours."* A layer does; two see 5 × 5 pixels, and strides make
      the field grow fast. What differs is when far things *can* meet: in a ViT, in the first block. Whether
      they do is learned. With much data, some heads of the first blocks look far and others near; with
      little data fewer learn to look near (Raghu 2021).
    - *"A ViT needs hundreds of millions of pictures."* With 300 million it overtook convolutional networks
      in the first paper; with ImageNet's 1.28 million alone it stayed behind networks of like size there.
      Stronger augmentation and regularisation make up for much of it (Steiner 2021).
    - *"On few pictures a convolutional network wins."* Often, when both start from random numbers. With
      weights from a large collection the question changes.
    - *"Convolution is dead."* Both kinds are in use, and many good models mix them.

    The chapter on data hunger measures such a comparison. Here you see how far a tiny ViT gets from nothing.
    """)
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train one

    A ViT with 206,026 parameters reads digits of 32 × 32 pixels in patches of 8: 16 patches and a class
    token, width 64, four blocks. Train it as it is, then without positions, then with another patch. With
    patches of 4 it reads 65 tokens and takes several times as long; with patches of 16 only 5.

    Then give it pictures of your own, and compare its figure with the baselines beside it: from random
    numbers a ViT learns little from few pictures. They do not leave this machine.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/pictures_as_sentences",
        {"system": "vit", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose(
                "model.positions",
                "positions",
                {"learned": "learned", "none": "none", "sine and cosine": "sine", "relative": "relative"},
            ),
            Choose("model.patch", "patch, pixels on a side", {"8": 8, "4": 4, "16": 16}),
            Choose("model.pooling", "the head reads", {"the class token": "class", "the mean": "mean"}),
            Slider("epochs", "epochs", 1, 30, step=1, value=20),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/pictures_as_sentences", {"system": "vit", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A picture becomes a sentence by one strided convolution, which is a cut and one linear layer for all
    patches. Attention does not know order, so each token is told its place: by a learned vector, by waves, or
    by what each head makes of an offset. The answer is read from a class token or from the mean. Half the
    patch is four times the tokens; the layers grow with them and only the maps with their square. A ViT is
    told little about pictures, and has to learn the rest.

    The next chapter opens the block: queries, keys, values, heads, norms, and the way round them.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/pictures_as_sentences")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/pictures_as_sentences")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/pictures_as_sentences")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/pictures_as_sentences")
    return


if __name__ == "__main__":
    app.run()
