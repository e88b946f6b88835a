# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A classifier of your own")

with app.setup:
    import marimo as mo

    from glassworks.blocks.dropout import Dropout
    from glassworks.blocks.pictures import check_pictures
    from glassworks.data.augment import augment
    from glassworks.labs.ablation_table import config, trained
    from glassworks.models.vision import cnn, lenet
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.augmented_copies import AugmentedCopies
    from glassworks.reader.figures.errors_looked_at import ErrorsLookedAt
    from glassworks.reader.figures.parts_by_toggle import PartsByToggle
    from glassworks.reader.figures.scaled_pictures import ScaledPictures
    from glassworks.reader.figures.shapes_of_the_cnn import ShapesOfTheCNN


@app.cell(hide_code=True)
def header():
    book.header("image/a_classifier_of_your_own")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## From pixels to a tested answer

    The last chapter had kernels, pooling and fields. Here they become a classifier: a picture goes in, a
    score for each class comes out. To build one takes an hour. To know how good it is, and why, takes a
    little more. This chapter does both, on a model that is small enough to train while you read.

    The first networks of this kind, such as *LeNet-5* (LeCun 1998), had the plan that is still used:

    1. **Stages.** Each slides kernels over what it is given, cuts below zero, and halves height and width
       by pooling. Maps become smaller and more numerous.
    2. **A row.** The last maps of one picture are laid out as one row of numbers.
    3. **Dense layers.** They turn the row into one score for each class.

    Below is the network that the workbench trains, and LeNet-5 beside it. Nothing in either is written for
    one data set: height, width, channels and classes come from a config, and the config comes from your
    folder. A network with "10 classes, 3 channels, 32 × 32" written into its layers cannot be given X-rays.
    """)
    return


@app.cell(hide_code=True)
def code_cnn():
    mo.vstack(
        [
            book.source(cnn.Stage, fold=False),
            book.source(cnn.CNN, fold=False),
            book.source(cnn.CNNConfig, fold=True),
            book.source(lenet.LeNet, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def exercise_capacity():
    book.exercise("a_classifier_of_your_own.capacity")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Where the numbers lie

    *CIFAR-10* has 60,000 colour photographs of 32 × 32 pixels in ten classes (Krizhevsky 2009). For such
    pictures the two-layer network learns 1,059,306 *parameters*:

    | part | gives | learns |
    |:---|:---|---:|
    | 16 kernels, pooling | 16 × 16 × 16 | 448 |
    | 32 kernels, pooling | 32 × 8 × 8 | 4,640 |
    | a row of 2,048, dense | 512 | 1,049,088 |
    | dense | 10 | 5,130 |

    The kernels are hardly anything. The dense layer reads 2,048 numbers with 512 weights each, 99 % of all.
    With two more stages the maps shrink to 2 × 2, the row to 512 numbers, and the whole network to 231,818.
    So "deeper means more capacity" is not said so easily. Ask for parameters, for work and for the field of
    view separately.

    Move the slider to larger pictures. The kernels cost no parameter more; the dense layer of the two-layer
    network grows with the area.
    """)
    return


@app.cell(hide_code=True)
def figure_shapes_of_the_cnn():
    ShapesOfTheCNN()
    return


@app.cell(hide_code=True)
def text_flatten():
    mo.md(r"""
    ## The row, and a quiet mistake

    The step from maps to a row looks harmless. Many examples write `x.view(-1, 2048)`: rows of 2,048
    numbers, as many as it takes. For pictures of 32 × 32 that is right. Now somebody passes two pictures of
    64 × 64:

    ```python
    import torch

    maps = torch.zeros(2, 32, 16, 16)  # two pictures of 64 x 64 after two stages
    maps.view(-1, 2048).shape[0]  # -> 8
    tuple(maps.flatten(1).shape)  # -> (2, 8192)
    ```

    Eight answers for two pictures, and no error. Flattened from dimension 1, the batch stays, and the next
    layer refuses a row of 8,192. Better still is to check at the door, where it can be said in words.
    """)
    return


@app.cell(hide_code=True)
def code_door():
    book.source(check_pictures)
    return


@app.cell(hide_code=True)
def exercise_flatten():
    book.exercise("a_classifier_of_your_own.flatten")
    return


@app.cell(hide_code=True)
def text_pipelines():
    mo.md(r"""
    ## Two pipelines

    The data is dealt into a *training part*, a *validation part* and a *test part*, as before. What happens
    to a picture on its way to the network depends on the part:

    | step | training | validation, test, use |
    |:---|:---:|:---:|
    | resize | yes | yes |
    | change at random (*augmentation*) | yes | **no** |
    | scale by stored figures | yes | yes |

    Augmentation shows the network changed copies: mirrored, turned, moved, in other light. The network that
    won the great contest of 2012 learned from moved and mirrored photographs (Krizhevsky 2012).
    Augmentation tells which changes do not matter, so each change is a claim about your data. A mirrored
    cat is a cat. A mirrored 2 is no 2, and left and right matter in a chest X-ray.

    Two details. What comes in at the border of a turned picture must be something; black corners would be a
    pattern that no new picture has, so the workbench reflects the picture there. And chance comes from
    keys: the same picture gets the same change in the same epoch, however often a run was stopped.
    """)
    return


@app.cell(hide_code=True)
def figure_augmented_copies():
    AugmentedCopies()
    return


@app.cell(hide_code=True)
def code_augment():
    book.source(augment, fold=True)
    return


@app.cell(hide_code=True)
def exercise_pipelines():
    book.exercise("a_classifier_of_your_own.pipelines")
    return


@app.cell(hide_code=True)
def text_scale():
    mo.md(r"""
    ## Scaling by figures that were measured

    Networks learn more easily from numbers around 0. Many scripts subtract 0.5 and divide by 0.5, in every
    channel. That maps 0, 0.5 and 1 to -1, 0 and 1. It works, and it is not "normalising to mean 0 and
    spread 1": the mean of your pictures is not 0.5. Measure both figures for each channel, on the training
    part alone, and store them with the model. Every later picture is scaled by the stored ones.
    """)
    return


@app.cell(hide_code=True)
def figure_scaled_pictures():
    ScaledPictures()
    return


@app.cell(hide_code=True)
def exercise_statistics():
    book.exercise("a_classifier_of_your_own.statistics")
    return


@app.cell(hide_code=True)
def text_parts():
    mo.md(r"""
    ## Batch norm and dropout

    *Batch normalisation* scales each map to mean 0 and spread 1 over the batch, and learns two numbers a
    map to undo that where it is useful (Ioffe 2015). Training then stands higher rates. With it the
    two-layer network has 1,059,402 parameters, and 98 more numbers that are not learned: running figures
    for later, and two counters. *Dropout* silences a random share of the row while learning (Srivastava
    2014).

    Both are often called improvements that always help. They are not: it depends on data, size and time,
    and on each other. Dropout changes the spread of the numbers between training and use, and a batch norm
    behind it has learned the wrong one (Li 2018). In the network above dropout stands behind all norms,
    where this does not happen. The only way to know what they bring is to measure, at the end of this
    chapter.

    ## Train it

    The textbook's recipe is *Adam* (Kingma 2014) at a rate of 0.001, batches of 64 and five epochs. Here is
    the command for it, and the one for a good first model of your own folder, with a class for each
    sub-folder:

    ```sh
    glassworks train cnn --data photos --size paper --variant two-layer-improved
    glassworks train cnn --data photos --size small --out runs/photos
    ```

    Train one below. The curves are drawn while it learns. Stop it, reload the page, go on. In the sizes
    `tiny` and `small` every variant has batch norm; in `paper` each is as the textbook has it.
    """)
    return


@app.cell(hide_code=True)
def code_dropout():
    book.source(Dropout, fold=True)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/a_classifier_of_your_own",
        {"system": "cnn", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose(
                "variant",
                "network",
                {
                    "two stages": "two-layer",
                    "two, dropout": "two-layer-improved",
                    "four, dropout": "four-layer",
                },
            ),
            Slider("epochs", "epochs", 1, 20, step=1, value=8),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def text_judge():
    mo.md(r"""
    ## Judge it

    The *test part* answers once, when everything is chosen. One accuracy is the beginning of a judgement:

    - **Beside it a *baseline*:** the most frequent class, and the most similar training picture. Who does
      not beat these has learned nothing of worth.
    - **An interval.** So many test pictures leave a range open, the *confidence interval*.
    - **Each class for itself.** The *confusion matrix* counts who is taken for whom. Along a row: how many
      of the eights were found. Down a column: how many answers "8" are right. The names are *precision and
      recall*.
    - **The errors, looked at.** The surest first. Some are wrong labels; some show what the network looks
      at; some you could not read yourself.

    `glassworks evaluate` writes all this as a report. The figure does the same with 500 digits, for a
    network that learned from 200.
    """)
    return


@app.cell(hide_code=True)
def figure_errors_looked_at():
    ErrorsLookedAt()
    return


@app.cell(hide_code=True)
def exercise_confusion():
    book.exercise("a_classifier_of_your_own.confusion")
    return


@app.cell(hide_code=True)
def exercise_judge():
    book.exercise("a_classifier_of_your_own.judge")
    return


@app.cell(hide_code=True)
def text_ablation():
    mo.md(r"""
    ## Which parts earn their place?

    Lists of improvements are long: augmentation, batch norm, dropout, more layers. Which of them made
    *your* model better? An *ablation* leaves each out, with everything else as it was, and asks again. It
    needs the same test pictures for all, a rate that suits each, and more than one *seed*. Predict first.
    """)
    return


@app.cell(hide_code=True)
def exercise_ablation():
    book.exercise("a_classifier_of_your_own.ablation")
    return


@app.cell(hide_code=True)
def lab_ablation_table():
    book.lab("ablation-table")
    return


@app.cell(hide_code=True)
def text_measured():
    mo.md(r"""
    ### What came out

    Points of test accuracy after learning 200 digits, mean of five seeds; in brackets what five seeds leave
    open.

    | part | without it, the whole loses | alone, the plain network gains |
    |:---|---:|---:|
    | augmentation | +1.2 (-1.4 to +3.8) | +3.4 (+1.5 to +5.3) |
    | batch norm | +1.4 (-0.9 to +3.6) | +2.2 (+1.5 to +2.9) |
    | dropout | +0.4 (-1.1 to +1.9) | +1.0 (+0.2 to +1.7) |
    | depth | -1.0 (-2.6 to +0.6) | -1.3 (-3.2 to +0.7) |

    - **The claim that each part earns its place is not shown.** Left out of the whole, none is surely
      missed.
    - **Alone, three of the four help:** augmentation most, then batch norm, then a little dropout. Together
      they bring 3.3 points, and augmentation alone brings 3.4. What they do overlaps.
    - **Of depth no help is seen, neither way.** On digits of 16 × 16 pixels two stages see enough. On
      photographs, with many pictures, it is another matter. That is the next chapter.
    - **Augmentation that is wrong does harm.** With mirrored digits the whole loses 3.1 points (0.3 to
      5.9).

    All this is true of 200 small digits and short runs. The table for *your* data you have to make
    yourself; the code is below, and the figure lets you try combinations.
    """)
    return


@app.cell(hide_code=True)
def figure_parts_by_toggle():
    PartsByToggle()
    return


@app.cell(hide_code=True)
def code_ablation():
    mo.vstack([book.source(config), book.source(trained)])
    return


@app.cell(hide_code=True)
def text_own():
    mo.md(r"""
    ## Your own pictures

    Drop pictures of two or more kinds into the box, twenty of each or more. The panel shows what it
    understood, trains the network of this chapter, judges it on pictures that it held back, and gives you
    the model as a file, with the lines of code that load it. Nothing leaves this machine.

    With a few dozen pictures expect little from a network that starts from nothing. The chapter after next
    starts from one that has seen a million.
    """)
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/a_classifier_of_your_own", {"system": "cnn", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Stages, a row, dense layers: most parameters lie where the row is read, and depth can make them fewer.
    Flatten from dimension 1, and check shapes at the door. Change pictures at random for learning only,
    scale all by figures of the training part, and keep these with the model. Judge by classes, with a
    baseline and an interval, look at the errors, and weight the last batch by its rows. An improvement is
    one when leaving it out is missed, on your data and over seeds.

    Next: what more depth brings, and what it costs.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/a_classifier_of_your_own")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/a_classifier_of_your_own")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/a_classifier_of_your_own")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/a_classifier_of_your_own")
    return


if __name__ == "__main__":
    app.run()
