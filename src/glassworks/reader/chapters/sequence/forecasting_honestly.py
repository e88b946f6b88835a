# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Forecasting honestly")

with app.setup:
    import marimo as mo

    from glassworks.api.forecast import widened
    from glassworks.data.windows import measured, windows_of
    from glassworks.judging.forecasting import drift, growing_season, last_season, last_value, scale_of
    from glassworks.models.sequence.forecaster import Forecaster
    from glassworks.reader import book
    from glassworks.reader.figure import Choose
    from glassworks.reader.figures.cost_of_a_quantile import CostOfAQuantile
    from glassworks.reader.figures.direct_or_recursive import DirectOrRecursive
    from glassworks.reader.figures.gates_of_raw_values import GatesOfRawValues
    from glassworks.reader.figures.looks_good import LooksGood
    from glassworks.reader.figures.simple_forecasts import SimpleForecasts
    from glassworks.reader.figures.taken_apart import TakenApart
    from glassworks.reader.figures.windows_along_time import WindowsAlongTime
    from glassworks.tasks.forecasting import pinball


@app.cell(hide_code=True)
def header():
    book.header("sequence/forecasting_honestly")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## What a forecast needs

    A *time series* is a row of numbers at regular steps: orders a month, power an hour, a price a day. A
    forecast says what comes next, some steps ahead. How many is its *horizon*.

    Many a script for this fits on one page: it builds an LSTM, gives it seven prices, and prints a number.
    That number is no forecast. There was no data to learn from, no loss, no training, and nobody asked
    whether repeating the last price would have been closer. This chapter adds what is missing, in this
    order: parts that respect time, a scale that does not look ahead, simple forecasts to beat, a figure
    that compares with them, and only then a network.

    ## Cut along time

    A network learns from *windows*, each with an origin. What lies before the origin is seen, as with the
    *context window* of a text. What comes after it is to be said. One long series gives many windows, and
    neighbouring ones share nearly all of their steps.

    So the *split* follows time. The first part of the series trains, the next chooses, the last judges. That
    is also what will be asked of the model: to know the past and to say the future.
    """)
    return


@app.cell(hide_code=True)
def figure_windows():
    WindowsAlongTime()
    return


@app.cell(hide_code=True)
def exercise_cut():
    book.exercise("forecasting_honestly.cut")
    return


@app.cell(hide_code=True)
def text_shuffle():
    mo.md(r"""
    ## Why not shuffle?

    Pictures are shuffled before they are dealt into parts, and that is right: one digit tells nothing of
    the next. Windows of a series are different. Take a *random walk*, where each step is the last one plus a
    number that nothing foretells. Whoever repeats the last value makes the best forecast there is: other
    forecasts can be lucky, and in the long run none has a smaller error. What happens if its windows are
    shuffled?
    """)
    return


@app.cell(hide_code=True)
def exercise_shuffle():
    book.exercise("forecasting_honestly.shuffle")
    return


@app.cell(hide_code=True)
def text_scale():
    mo.md(r"""
    That is *leakage*, and a random walk is a good detector of it: a model that beats the last value there
    has seen what it should not. Other leaks come on quieter feet. A moving average that is centred knows
    the next days. A hole filled with a line knows its other end. The season may be looked for in all the
    data, and the scale measured on it.

    ## Scaled, by what was known

    Scale is needed. An LSTM has gates, and a gate is a sigmoid. Prices around 150 push most gates to 0 or
    to 1, where a sigmoid is flat: a higher or lower price hardly moves the state any more. And the state
    lies between -1 and 1, so the most that an untrained head can say is the sum of the sizes of its weights
    and its bias: about 4, where 150 is asked.

    The prices of the figure have the mean 151.67 and the standard deviation 1.90. Take the mean away,
    divide by the standard deviation, let the network learn in that scale, and turn around what it says.
    """)
    return


@app.cell(hide_code=True)
def figure_gates():
    GatesOfRawValues()
    return


@app.cell(hide_code=True)
def exercise_scale():
    book.exercise("forecasting_honestly.scale")
    return


@app.cell(hide_code=True)
def code_scale():
    mo.vstack([book.source(windows_of, fold=True), book.source(measured)])
    return


@app.cell(hide_code=True)
def text_scaled():
    mo.md(r"""
    The lab below trains one forecaster in six ways on four series. Raw values are hopeless. Raw values in
    and scaled values out are better and still bad, so both causes count: the gates and the head. What
    leaked by the mean and spread of the *whole* series was not shown to help; on the climbing series it was
    rather worse. It stays wrong, because you cannot do it when it counts: the future is not there to be
    measured. Scaling each window together with its own future is another matter. With that leak the network
    makes half the error of the last value on a random walk, which nothing honest does.

    Look at the columns *climbing* and *carbon dioxide*: scaled by the training part, the network is worse
    than the last value. The series has left the range that it learned from. The remedy comes below.
    """)
    return


@app.cell(hide_code=True)
def lab_scale():
    book.lab("raw-or-scaled")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## First what needs no training

    A *baseline* comes before any network. For series there are at least four:

    - *Persistence*: the last value again.
    - *Seasonal naive forecast*: the last season again, next March as last March.
    - **Growing season**: the same, moved by what the last season lay above the one before.
    - **Drift**: a straight line from the first value through the last.

    How far off is a forecast? The mean absolute error is in the unit of the series, and 3 may be much or
    little. *MASE* divides it by what the series itself does in a season (Hyndman 2006). With $T$ steps of
    training, a season of $m$ steps (1 where there is none), and $n$ truths $y_i$ with their forecasts
    $\hat{y}_i$:

    $$ \text{MASE} = \frac{\frac{1}{n} \sum_{i=1}^{n} |y_i - \hat{y}_i|}
       {\frac{1}{T-m} \sum_{t=m+1}^{T} |y_t - y_{t-m}|} $$

    The unit below comes from the training part alone, and is the same for all forecasts. So MASE compares
    forecasts of one series, and series of different units. It is often read as "below 1 is better than the
    naive forecast". That is half true: the unit is what the naive forecast missed *in the training part*.
    In a calm year even the last value stays below 1. Set the MASE of a model beside that of the baselines
    at the same origins.

    ## From many origins

    One origin is one try. In a *rolling back-test* the origin moves through the last part, step by step:
    each time what was known then is seen, the forecast is made, and what came is compared (Tashman 2000).
    Neighbouring origins share most of their truths, so 61 of them are not 61 independent tries. The
    workbench draws its intervals from whole stretches of a horizon, and gives none where fewer than four of
    those fit.
    """)
    return


@app.cell(hide_code=True)
def figure_simple():
    SimpleForecasts()
    return


@app.cell(hide_code=True)
def code_simple():
    mo.vstack([*map(book.source, (last_value, last_season, growing_season, drift)), book.source(scale_of)])
    return


@app.cell(hide_code=True)
def exercise_mase():
    book.exercise("forecasting_honestly.mase")
    return


@app.cell(hide_code=True)
def text_walk():
    mo.md(r"""
    ## The forecast that is always a step late

    You have seen such pictures: a price, a forecast, two lines on top of each other. Before you look at the
    next one, say how good its forecast is by R2.
    """)
    return


@app.cell(hide_code=True)
def exercise_walk():
    book.exercise("forecasting_honestly.walk")
    return


@app.cell(hide_code=True)
def figure_walk():
    LooksGood()
    return


@app.cell(hide_code=True)
def text_walks():
    mo.md(r"""
    Nothing was foretold, and R2 is near 1. On noise around a level the same forecast looks bad, and there
    too it knows as much as it claims: the levels do not wander, so there is nothing to look good by.

    Are prices random walks? Nearly, over days: the models of exchange rates of their time forecast no
    better than the last value (Meese 1983). That does not say that nothing at all can be known, for instance
    how large the next movement may be. It says who has to prove something: the model.

    The lab trains three models on walks, and the same three on a series with a season. With a season each
    of them halves the error of the last value, or nearly. On walks none of them is better than it, and the
    one that starts from the last value explains 95 % of the levels.
    """)
    return


@app.cell(hide_code=True)
def lab_walk():
    book.lab("random-walks")
    return


@app.cell(hide_code=True)
def text_apart():
    mo.md(r"""
    ## What there is to forecast

    A series that climbs leaves the range that a network has learned from. One remedy is to give it
    something that stays. *Differences* from step to step take out the level; over a season they take out
    level and season at once. For prices one takes relative differences, the returns. Or the series is taken
    apart into *trend and season*, and a rest.
    """)
    return


@app.cell(hide_code=True)
def figure_apart():
    TakenApart()
    return


@app.cell(hide_code=True)
def code_model():
    mo.vstack(
        [
            mo.md(r"""
            ## The network, and what it adds to

            The textbook's forecaster is an LSTM (Hochreiter 1997) of two layers with 64 numbers, whose last
            state goes through one linear layer:

            ```python
            import torch
            from torch import nn

            lstm, head = nn.LSTM(1, 64, num_layers=2, batch_first=True), nn.Linear(64, 1)
            sum(p.numel() for p in lstm.parameters())  # -> 50432
            sum(p.numel() for p in head.parameters())  # -> 65
            head(lstm(torch.zeros(32, 7, 1))[0][:, -1]).shape  # -> torch.Size([32, 1])
            ```

            The forecaster of this library is that network with two changes. Each window is measured by
            itself: its own level is taken out, its own spread divided by, and both put back at the end. So
            a series may climb beyond all that was ever seen. And the network says only what is to be
            *added* to a simple forecast: its head begins with zeros, so before the first step of training
            it *is* the last season. With `--variant plain` it is the textbook's.

            A window may hold several numbers a step, such as temperature, rain and wind. The first ones are
            forecast, the others only seen.
                    """),
            book.source(Forecaster.forward),
            book.source(Forecaster.measured, fold=True),
            book.source(Forecaster.simple, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_ahead():
    mo.md(r"""
    ## Many steps ahead

    There are two ways to say twelve steps. *Recursive*: say one step, take it as known, say the next.
    *Direct*: say each step from what is really known. The figure does both with linear maps, which have
    one exact best answer, so that no luck of training comes in.
    """)
    return


@app.cell(hide_code=True)
def figure_ahead():
    DirectOrRecursive()
    return


@app.cell(hide_code=True)
def exercise_ahead():
    book.exercise("forecasting_honestly.ahead")
    return


@app.cell(hide_code=True)
def text_quantiles():
    mo.md(r"""
    Neither is better everywhere; on one competition's series, forecasts that say several steps at once did
    best (Taieb 2012). Our forecaster is direct, with one head for all steps, and says several quantiles of
    each (Wen 2017).

    ## Not one number

    A single number hides how sure one is. A *quantile* says more: the number that 90 % of the truths stay
    below. Two of them, for 10 % and 90 %, make an interval that should hold 80 %.

    How does one learn a quantile? By its price (Koenker 1978). With the share $q$, truth $y$ and forecast
    $\hat{y}$, the *quantile loss* is

    $$ \max\big(q \, (y - \hat{y}), \; (q - 1)(y - \hat{y})\big) $$

    For $q = 0.9$ a unit too little costs 0.9, a unit too much 0.1. It is also called pinball loss.
    """)
    return


@app.cell(hide_code=True)
def figure_quantile():
    CostOfAQuantile()
    return


@app.cell(hide_code=True)
def exercise_quantile():
    book.exercise("forecasting_honestly.quantile_cost")
    return


@app.cell(hide_code=True)
def code_intervals():
    mo.vstack(
        [
            book.source(pinball),
            mo.md(r"""
            ## Does the interval keep its promise?

            *Coverage* is the share of truths that fell into their intervals. It belongs beside the promise.
            The last column below is that of ours, one run each on the samples of this library, for intervals
            that promise 80 %. The other two are MASE on the last part: of the model, and of the last season
            or the growing season, whichever was better.

            | | model | season | held |
            |---|---|---|---|
            | carbon dioxide | 0.489 | 0.73 | 84 % |
            | El Nino | 0.691 | 0.74 | 92 % |
            | equipment | 0.259 | 0.34 | 65 % |
            | airline | 0.852 | 1.25 | 64 % |
            | sunspots | 1.291 | 1.297 | 100 % |

            On sunspots it is a tie with the last season. On El Nino the gain is some 6 %. Only carbon
            dioxide is long enough for an interval around its MASE. And these figures flatter a little: they
            were printed while the recipe was being chosen.

            After training, the workbench widens the intervals until they hold 80 % of the validation part.
            On short series they are too narrow all the same: where that part holds one or two horizons,
            what happened in them is nearly all that is known. A network knows the past of its series and
            nothing else.
            """),
            book.source(widened, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def exercise_interval():
    book.exercise("forecasting_honestly.interval")
    return


@app.cell(hide_code=True)
def text_path():
    mo.md(r"""
    ## With your own series

    A table with one row a step is enough: a column with the time, a column with the number.

    ```
    glassworks check my.csv
    glassworks train forecaster --data my.csv --out runs/mine
    glassworks evaluate runs/mine
    glassworks predict runs/mine --out forecast.csv
    glassworks export runs/mine --to onnx
    ```

    `check` says which column it takes for what, the step, the season, and what is missing. Where several
    columns could be meant, `--time`, `--target` and `--group` name them, and `--horizon` asks for another
    number of steps. Holes take the last value before them, never one after, and are not judged.
    `evaluate` is the back-test on the last part: the model beside five baselines, and a verdict in words
    that may say "not shown to forecast better". Use it at the end; the report of `train` is about the
    validation part. `predict` continues the series with its intervals, and `explain` shows what
    a forecast rests on.

    Below you can train it here. Where a sample is missing, `glassworks samples fetch co2` brings it; then
    your own table, which stays on this machine. Compare the two variants on one series: what does the plain
    network do where the series climbs?
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/forecasting_honestly",
        {"system": "forecaster", "data": "sample:co2", "size": "tiny", "variant": "anchored"},
        settings=(
            Choose("data", "series", {"carbon dioxide": "sample:co2", "El Nino": "sample:elnino",
                                      "equipment": "sample:equipment", "sunspots": "sample:sunspots",
                                      "share prices": "sample:stocks"}),
            Choose("variant", "network", {"added to a simple forecast": "anchored", "plain": "plain"}),
        ),
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/forecasting_honestly", {"system": "forecaster", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Cut along time, scale by what was known, and put the last value and the last season beside every
    forecast. MASE is an error in units of a season's change; compare it with that of the baselines. A
    forecast that hugs the series may know nothing: ask about the changes. Say an interval, count how often
    it holds, and trust none that was learned from two horizons. Where a model does not beat the last
    season, use the last season.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/forecasting_honestly")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/forecasting_honestly")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/forecasting_honestly")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/forecasting_honestly")
    return


if __name__ == "__main__":
    app.run()
