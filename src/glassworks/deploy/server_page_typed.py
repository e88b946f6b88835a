"""The pages at `/` for texts and for series: type or paste, drop a file, and see the answer.

Words that made an answer are coloured; a forecast is drawn after its past. The first thing to change:
`EXAMPLES`, what stands in the box as an example.
"""

from glassworks.deploy.server_page import document

SCRIPT = r"""
async function answer() {
  const given = at("given").value;
  if (!given.trim()) return complain({expected: `${facts.one} in the box`, got: "nothing",
    fix: "type or paste it, or drop a file on the box"});
  const mine = ++turn, explain = facts.explain && at("explain").checked;
  at("result").setAttribute("aria-busy", "true");
  if (!at("result").childElementCount) at("result").replaceChildren(make("p", "Reading …", "note"));
  try {
    const {predictions: [prediction], milliseconds} =
      await ask(`predict?top=5${explain ? "&explain=1" : ""}`, {method: "POST", body: given,
        headers: {"Content-Type": facts.kind}});
    if (mine !== turn) return;
    const parts = prediction.forecast ? course(given, prediction) :
      prediction.text !== undefined ? written(prediction) : ANSWER(prediction);
    if (prediction.words) parts.push(...coloured(prediction));
    at("result").replaceChildren(...parts, make("p",
      `answered in ${Math.max(1, Math.round(milliseconds))} ms`, "note"));
  } catch (error) { if (mine === turn) complain(error.fix ? error : {expected: "an answer",
    got: "an answer this page cannot read", fix: "reload the page"}); }
  if (mine === turn) at("result").removeAttribute("aria-busy");
}

function written(prediction) {
  const text = make("p", prediction.text); text.style.whiteSpace = "pre-wrap";
  return prediction.note ? [text, make("p", prediction.note, "note")] : [text];
}

function coloured({words, caption}) {
  const most = Math.max(...words.map(([, share]) => Math.abs(share)), 1e-9), line = make("p", undefined,
    "words");
  words.forEach(([piece, share]) => {
    const seen = piece.trimEnd(), one = make("span", seen), strength = Math.abs(share) / most;
    one.style.backgroundColor = `color-mix(in srgb, var(${share > 0 ? "--good" : "--bad"}) ` +
      `${Math.round(45 * strength)}%, transparent)`;
    if (share < 0 && strength > 0.3) one.style.textDecoration = "underline";
    one.title = share.toFixed(3);
    line.append(one, piece.slice(seen.length));
  });
  return [make("h3", "Words that made it"), line, make("p", caption, "note")];
}

const SVG = (tag, facts) => { const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(facts)) one.setAttribute(name, value); return one; };

function course(given, {forecast, note}) {
  const channel = forecast[0].channel, ahead = forecast.filter(row => row.channel === channel);
  const rows = given.trim().startsWith("[") ? JSON.parse(given) :
    given.trim().split(/\r?\n/).map(line => line.split(","));
  const past = rows.map(row => Number([].concat(row)[0])).filter(Number.isFinite).slice(-4 * ahead.length);
  const low = ahead.map(row => Math.min(...Object.values(row.quantiles))),
    high = ahead.map(row => Math.max(...Object.values(row.quantiles))), middle = ahead.map(row => row.median);
  const all = [...past, ...low, ...high], least = Math.min(...all), span = Math.max(...all) - least || 1;
  const wide = 640, tall = 260, steps = past.length + ahead.length - 1 || 1;
  const x = place => (8 + (wide - 16) * place / steps).toFixed(1),
    y = value => (tall - 10 - (tall - 20) * (value - least) / span).toFixed(1);
  const points = (values, from) => values.map((value, place) => `${x(from + place)},${y(value)}`);
  const picture = SVG("svg", {viewBox: `0 0 ${wide} ${tall}`, class: "course", role: "img",
    "aria-label": `${channel}: the past, and ${ahead.length} steps ahead with their interval`});
  const band = [...points(high, past.length), ...points(low, past.length).reverse()].join(" ");
  picture.append(SVG("polygon", {points: band, fill: "var(--accent)", "fill-opacity": 0.2}),
    SVG("polyline", {points: points(past, 0).join(" "), fill: "none", stroke: "currentColor",
      "stroke-width": 1.5}),
    SVG("polyline", {points: points([...past.slice(-1), ...middle], past.length - past.slice(-1).length)
      .join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2.5}));
  const frame = make("div", undefined, "scroll long"), table = make("table"), head = make("tr"),
    several = ahead.length < forecast.length;
  for (const word of ["ahead", ...(several ? ["column"] : []), "median", "low", "high"])
    head.append(make("th", word, word === "column" ? "" : "number"));
  table.append(head);
  forecast.forEach(row => { const line = make("tr"), numbers = Object.values(row.quantiles);
    line.append(make("td", row.ahead, "number"), ...(several ? [make("td", row.channel)] : []));
    for (const value of [row.median, Math.min(...numbers), Math.max(...numbers)])
      line.append(make("td", value.toPrecision(5), "number"));
    table.append(line); });
  frame.append(table);
  const told = make("p", `${channel}, ${ahead.length} steps ahead: median and interval`, "note");
  frame.tabIndex = 0;
  return [picture, told, ...(note ? [make("p", note, "note")] : []), frame];
}

async function take(file) {
  if (!file) return;
  if (file.size > facts.limit) return complain({expected: `a file of at most ${facts.limit / 1e6} MB`,
    got: `${(file.size / 1e6).toFixed(1)} MB`, fix: "cut it first"});
  at("given").value = await file.text(); answer();
}
at("ask").addEventListener("click", answer);
at("given").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) answer(); });
at("file").addEventListener("change", event => { take(event.target.files[0]); event.target.value = ""; });
at("open").addEventListener("click", () => at("file").click());
document.addEventListener("dragover", event => event.preventDefault());
document.addEventListener("drop", event => { event.preventDefault(); take(event.dataTransfer.files[0]); });
at("explain").addEventListener("change", () => { if (at("given").value.trim()) answer(); });
if (at("key")) at("key").addEventListener("change", () => { about(); });
at("curl").textContent = `curl ${facts.keyed ? '-H "X-API-Key: KEY" ' : ""}-H "Content-Type: ` +
  `application/json" \\\n  -d '${facts.example}' "${location.origin}/predict"`;
about();
"""

BODY = """
<header><h1 id="title">{name}</h1>
<p class="lead">LEAD It stays on the machine that runs the server.</p></header>
{key}
<div class="two">
<section><h2>YOURS</h2><label class="away" for="given">YOURS</label>
<textarea id="given" class="CLASS" spellcheck="false" placeholder="PLACE"></textarea>
<input class="away" type="file" id="file" accept=".txt,.csv,.json,text/*" tabindex="-1" aria-hidden="true">
<div class="row"><button type="button" id="ask">Answer</button>
<button type="button" class="plain" id="open">Open a file</button>
<label class="check" EXPLAIN><input type="checkbox" id="explain"> show what made it</label></div></section>
<section><h2>Answer</h2><div id="result" aria-live="polite"><p class="note">The answer appears here.</p></div>
</section>
</div>
<section><h2>About this model</h2><div id="about"><p class="note">…</p></div></section>
<section><h2>From a program</h2><pre tabindex="0"><code id="curl"></code></pre>
<p class="note">HINT All addresses and errors: <a href="openapi.json">openapi.json</a>;
how busy it is: <a href="metrics">metrics</a>.</p></section>
"""
EXAMPLES = {"texts": '{"text": "well worth seeing"}', "series": '{"values": [[1.5], [1.7], [1.6]]}'}
TEXTS = {
    "LEAD": "Type a text and see what this model says.",
    "YOURS": "Your text", "CLASS": "", "PLACE": "Type or paste a text",
    "HINT": "Many at once: <code>{{\"texts\": [...]}}</code>; <code>?explain=1</code> adds the words.",
}  # fmt: skip
SERIES = {
    "LEAD": "Paste the last steps of a series and see what this model says.",
    "YOURS": "Your series", "CLASS": "numbers",
    "PLACE": "One step a line, commas between columns; a line of names may come first",
    "HINT": "Many at once: <code>{{\"series\": [values, …]}}</code>; <code>null</code> is a missing one.",
}  # fmt: skip


def page_of_texts(name: str, *, explains: bool, keyed: bool, limit: int) -> str:
    """The page for texts as HTML. limit: bytes a body may have."""
    return _page(name, TEXTS, explains=explains, keyed=keyed, limit=limit,
                 things="texts", one="a text", kind="text/plain; charset=utf-8")  # fmt: skip


def page_of_series(name: str, *, explains: bool, keyed: bool, limit: int) -> str:
    """The page for series as HTML. limit: bytes a body may have."""
    return _page(name, SERIES, explains=explains, keyed=keyed, limit=limit,
                 things="series", one="a series", kind="text/csv; charset=utf-8")  # fmt: skip


def _page(name: str, words: dict[str, str], *, explains: bool, keyed: bool, limit: int, things: str,
          **facts: str) -> str:  # fmt: skip
    body = BODY.replace("EXPLAIN", "" if explains else "hidden")
    for word, said in words.items():
        body = body.replace(word, said)
    return document(
        name, body, SCRIPT, keyed=keyed, things=things, explain=explains, limit=limit,
        example=EXAMPLES[things], **facts,
    )  # fmt: skip
