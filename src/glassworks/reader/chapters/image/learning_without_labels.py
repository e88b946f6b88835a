# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Learning without labels")

with app.setup:
    import marimo as mo

    from glassworks.models.vision.mae import MAE, Decoder, MAEConfig, errors, kept, random_masking, target_of
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.hidden_patches import HiddenPatches
    from glassworks.reader.figures.patch_targets import PatchTargets
    from glassworks.reader.figures.small_mae import SmallMAE
    from glassworks.reader.figures.two_sorts import TwoSorts
    from glassworks.reader.figures.work_saved import WorkSaved
    from glassworks.tasks.masked import MaskedImages, fixed_noise


@app.cell(hide_code=True)
def header():
    book.header("image/learning_without_labels")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A question that needs no answer sheet

    A classifier learns from pictures that somebody has named. Names cost money and time; pictures are there
    by the million. Can a model learn from the pictures alone?

    It can, if the question is made from the picture itself: hide a part, and let the model guess it. The
    right answer is what was hidden, and nobody had to write it down. Such training is called
    *self-supervised learning*. Language models had learned so before: BERT hides 15 % of the words of a text
    and guesses them (Devlin 2018).

    For pictures that little is too easy. Neighbouring patches are so alike that a missing one can be smeared
    in from its edges. So hide much more. Below, three quarters are gone. What does it show?
    Guess before you tick the box. Then see what simple rules make of it: a mean, a copy of the nearest patch,
    a smooth surface. Do they know what you know?
    """)
    return


@app.cell(hide_code=True)
def figure_hidden_patches():
    HiddenPatches()
    return


@app.cell(hide_code=True)
def exercise_kept():
    book.exercise("learning_without_labels.kept")
    return


@app.cell(hide_code=True)
def text_idea_of_mae():
    mo.md(r"""
    What you added was knowledge: how the rim of a cup goes round, where a cat has its second eye. To guess
    hidden patches well, a model has to get some of that too. This is the bet of the *masked autoencoder
    (MAE)* of He (2021). It has two halves:

    - an **encoder**, a *Vision Transformer (ViT)*, that reads the visible patches and nothing else;
    - a small **decoder** that gets the encoder's tokens and draws the picture.

    Afterwards the decoder is thrown away. The encoder is what the training was for: it begins a classifier
    that then needs fewer labels, or so one hopes. The end of this chapter measures that.

    The work was done at Meta, in its laboratory FAIR. It is sometimes credited to Google, from where the ViT
    came, or to both; the paper names one.

    ## How many are left?

    Of 196 patches 75 % are 147. That leaves 49. Even so simple a count goes wrong in code. Predict this one.
    """)
    return


@app.cell(hide_code=True)
def exercise_truncated():
    book.exercise("learning_without_labels.truncated")
    return


@app.cell(hide_code=True)
def code_kept():
    book.source(kept)
    return


@app.cell(hide_code=True)
def text_masking():
    mo.md(r"""
    ## Shuffle, keep, restore

    Each picture of a batch shall lose other patches, chosen by chance, and always the same number of them,
    so that a batch stays one tensor. A short way:

    1. Give each patch a random number, the *noise*.
    2. Sort by noise. The first ones stay; the others leave.
    3. Sort the order itself. That gives its inverse: for each patch the place where it went.

    Step 3 is often forgotten, and without it nothing can be trained. From it come the *mask*, 1 for each
    hidden patch and 0 for each visible one, and the way back, by which the decoder puts all in place.
    `argsort` gives such an order:

    ```python
    import torch

    shuffled = torch.tensor([0.7, 0.1, 0.9, 0.4]).argsort()
    shuffled.tolist()  # -> [1, 3, 0, 2]
    restore = shuffled.argsort()
    restore.tolist()  # -> [2, 0, 3, 1]
    shuffled[restore].tolist()  # -> [0, 1, 2, 3]
    ```

    Read the second line as "patch 1 comes first, then patch 3", and the fourth as "patch 0 went to place 2".
    The last line says that the two cancel. Go through the steps with nine patches:
    """)
    return


@app.cell(hide_code=True)
def figure_two_sorts():
    TwoSorts()
    return


@app.cell(hide_code=True)
def exercise_masking():
    book.exercise("learning_without_labels.masking")
    return


@app.cell(hide_code=True)
def code_random_masking():
    mo.vstack([book.source(random_masking), book.source(fixed_noise)])
    return


@app.cell(hide_code=True)
def text_chance():
    mo.md(r"""
    Two details of the code. Noise is made on the device where the tokens are, or by a generator that is
    given; then the same patches are hidden on every machine. And a model is *judged* with noise that is
    computed from the pixels of the picture: each model, today and in a year, is asked the same question.

    ## The encoder sees only what is left

    Hidden patches could stay in the row as blanks, as BERT's words do. In a masked autoencoder they leave.
    This has two reasons. Later, the encoder will read whole pictures, in which there are no blanks; so it
    should not get used to them. And it is faster: 50 tokens instead of 197.

    How much faster? A block's layers shrink with the tokens, 197 / 50 = 3.94 times, and its attention maps
    with the square of that. But all patches are embedded
    before any is hidden, because each is told its place first. And the decoder works on all places. What is
    said of the encoder is therefore not true of the whole.
    """)
    return


@app.cell(hide_code=True)
def figure_work_saved():
    WorkSaved()
    return


@app.cell(hide_code=True)
def exercise_speed():
    book.exercise("learning_without_labels.speed")
    return


@app.cell(hide_code=True)
def text_speed():
    mo.md(r"""
    Both numbers belong together. Our lab at the end of this chapter put a clock beside a ViT-Ti/16 with a
    decoder of two blocks: with 75 % hidden the encoder was 4.0 times as fast, and the whole step with its
    decoder 3.0 times. He (2021) reports that training as a whole became three times as fast or more;
    they compare with an encoder that reads blanks as well.

    ## The decoder: the same blank, in many places

    The decoder gets the encoder's tokens and, for each hidden patch, a *mask token*: one learned vector, the
    same for all. It puts them back in order by `restore` and adds positions, a second time. Then come a few
    blocks, and a linear layer that gives the pixels of each patch.

    Why a second time? Predict what happens without.
    """)
    return


@app.cell(hide_code=True)
def exercise_places():
    book.exercise("learning_without_labels.places")
    return


@app.cell(hide_code=True)
def code_decoder():
    mo.vstack(
        [
            book.source(Decoder.forward),
            book.source(MAE.encode),
            book.source(MAE.forward),
            book.source(MAEConfig, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## What is asked: hidden patches, each by its own measure

    Let patch $i$ have the pixels $x_i$, a row of $n$ numbers. First take out its own mean $\mu_i$ and spread
    $\sigma_i$:

    $$ y_i = \frac{x_i - \mu_i}{\sigma_i}, \qquad
    \sigma_i^2 = \frac{1}{n - 1} \sum_k (x_{ik} - \mu_i)^2 + 10^{-6} $$

    The model guesses $\hat y_i$, and the loss of a picture is the *mean squared error* over its hidden
    patches $H$ alone:

    $$ L = \frac{1}{|H|} \sum_{i \in H} \frac{1}{n} \sum_k (\hat y_{ik} - y_{ik})^2 $$

    **Why only the hidden ones?** The visible ones have been read. To copy them is a task, but one that
    teaches little.

    **Why each with its own mean and spread?** Of plain pixels, a smooth sky is nearly free to guess, and a
    few patches with strong edges make up much of the loss. After the change, the pattern counts and not how
    bright or how rich in contrast a patch is. He (2021) found features that classify a little better. Move
    contrast and brightness below: what is to be guessed stays as it was.
    """)
    return


@app.cell(hide_code=True)
def figure_patch_targets():
    PatchTargets()
    return


@app.cell(hide_code=True)
def exercise_loss():
    book.exercise("learning_without_labels.loss")
    return


@app.cell(hide_code=True)
def code_loss():
    mo.vstack([book.source(target_of), book.source(errors), book.source(MaskedImages.loss)])
    return


@app.cell(hide_code=True)
def text_draw():
    mo.md(r"""
    ## Watch one draw

    Below are digits of 8 × 8 squares in 16 patches; 4 are left. First see what fills make of them. Then
    choose a model: it is trained when you do, on other digits than those shown, for about three seconds
    (longer on a busy machine).

    The model that guesses pixels draws a blur, darker where ink is likely. That is no fault. Where several
    digits fit, the guess with the smallest squared error is their *mean*, and a mean of sharp pictures is
    blurred.

    The second model guesses patches without mean and spread, and its drawing looks sharper. But to draw,
    these two numbers are put back in, and they are those of the *true* hidden patch. A fourth picture shows
    what the true means alone would draw, with no model at all. Compare the errors under the figure.
    """)
    return


@app.cell(hide_code=True)
def figure_small_mae():
    SmallMAE()
    return


@app.cell(hide_code=True)
def exercise_gift():
    book.exercise("learning_without_labels.gift")
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train one

    The workbench's masked autoencoder reads digits of 32 × 32 pixels in 64 patches of 4 × 4 and is shown 16
    of them. It takes half a minute or so, and longer on a busy machine. Labels are there, and are left aside.

    Its figure is the error on hidden patches of pictures that it never saw. A guess of 0 for everything
    would be near 1, and no fill gets far below: the best one comes to 0.78. In a run of ours, with 30
    epochs and seed 0, the model came to 0.33.

    Hide 50 % and 90 % as well. The errors of such runs answer *different questions*: with less hidden, each
    question is easier. A smaller error is then no better model. Which share teaches most can only be seen
    in what comes after; for photographs He (2021) found 75 % good for both ways of use below.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/learning_without_labels",
        {"system": "mae", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("model.hidden", "hidden", {"75 % (recipe)": 0.75, "50 %": 0.5, "90 %": 0.9}),
            Choose("model.normalised", "to be guessed", {"without mean and spread": True, "pixels": False}),
            Slider("epochs", "epochs", 1, 30, step=1, value=20),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("image/learning_without_labels", {"system": "mae", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_use():
    mo.md(r"""
    ## What was it good for?

    Nobody needs drawings of hidden patches. The encoder is wanted, and there are two usual ways to ask what
    it has learned:

    - **A probe.** The encoder stays as it is; one linear layer learns to read classes from its features. This
      *linear probe* measures what the features hold already.
    - **Fine-tuning.** The whole encoder goes on learning with the labels, at a small rate.

    Your run above can be used so in a terminal. `RUN` is its folder; the panel names it.

    ```
    glassworks finetune vit --from RUN --data sample:digits --tune head
    glassworks finetune vit --from RUN --data sample:digits --tune full
    ```

    With your own pictures it is the same. The first command needs a folder of pictures and no labels at
    all; the second a folder with one sub-folder a class:

    ```
    glassworks train mae --data photos/ --out runs/mae
    glassworks finetune vit --from runs/mae --data named/ --tune full
    ```

    `glassworks evaluate RUN` draws what your run makes of hidden patches. The pictures stay on your machine.

    Is it worth it? The fair comparison is with the same network that learns from the same labels *from the
    start*. Our lab pretrained on 1,000 digits and gave 2, 5 or 20 labels a class. Its rule was written before
    the numbers were known.
    """)
    return


@app.cell(hide_code=True)
def lab_mae_gain():
    book.lab("mae-gain")
    return


@app.cell(hide_code=True)
def exercise_gain():
    book.exercise("learning_without_labels.gain")
    return


@app.cell(hide_code=True)
def text_honest():
    mo.md(r"""
    ## What we found, and what others found

    Our claim is *not shown*: the mean gain was 4.5 points, and its interval, from -1.1 to 10.1, holds 0.
    With 2 labels a class pretraining looked useful (+12.3 points), with 5 less so (+2.9), and with 20 the
    network from scratch was ahead (-1.7). This is the pattern that one would expect: the more labels, the
    less is left to gain. But with three seeds it is a guess, not a finding. A thousand small digits are also
    little to learn from without labels.

    With more data and larger models the picture is clearer. What follows is from the paper, not measured
    here. He (2021) pretrained on the 1.28 million pictures of ImageNet without labels and then tuned with
    all of their labels. The same ViT-L reached 82.5 % from scratch, with a recipe the authors had improved,
    and 84.9 % from MAE; a ViT-H, tuned at 448 pixels, 87.8 %, at that time the best with ImageNet alone.

    Two half-truths to leave behind:

    - *"It needs no labels."* Pretraining needs none. To name a class, somebody must have named some.
    - *"Sharper drawings mean better features."* Not so: what draws well and what classifies well are two
      things. In the paper a probe on MAE is much weaker than its fine-tuning; features that are good as they
      stand come from other methods, such as DINO, in which a network learns from its own slow average, and
      nothing is drawn (Caron 2021).
    """)
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A picture can ask its own questions: hide three quarters, and guess. Count the hidden patches, round, keep
    one. Two sorts give what stays, the mask, and the way back. The encoder reads a quarter of the tokens and
    is about four times as fast; the whole step is not. The decoder needs places, the loss looks at hidden
    patches alone, and each is measured by its own mean and spread. Drawings are for looking. What counts is
    what the encoder brings to a task with few labels, beside the same network without it, over several seeds.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/learning_without_labels")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/learning_without_labels")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/learning_without_labels")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/learning_without_labels")
    return


if __name__ == "__main__":
    app.run()
