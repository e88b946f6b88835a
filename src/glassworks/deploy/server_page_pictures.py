"""The page at `/` for pictures: drop one, see the answer and where the model looked.

The first thing to change: `pick` in the script, what may be dropped.
"""

from glassworks.deploy.server_page import document

SCRIPT = r"""
let picked = null;
async function answer() {
  if (!picked) return;
  const mine = ++turn, explain = facts.explain && at("explain").checked;
  at("result").setAttribute("aria-busy", "true");
  if (!at("result").querySelector("ol")) at("result").replaceChildren(make("p", "Looking …", "note"));
  heat(null);
  const form = new FormData(); form.append("file", picked);
  try {
    const {predictions: [prediction], milliseconds} =
      await ask(`predict?top=5${explain ? "&explain=1" : ""}`, {method: "POST", body: form});
    if (mine !== turn) return;
    at("result").replaceChildren(...ANSWER(prediction), make("p",
      `answered in ${Math.max(1, Math.round(milliseconds))} ms`, "note"));
    if (prediction.overlay) heat(prediction.overlay, prediction.caption);
  } catch (error) { if (mine === turn) complain(error.fix ? error : {expected: "an answer",
    got: "an answer this " +
      "page cannot read", fix: "reload the page"}); }
  if (mine === turn) at("result").removeAttribute("aria-busy");
}

function heat(source, caption) {
  at("heat").hidden = at("fading").hidden = !source;
  at("caption").textContent = source ? caption || "" : "";
  if (source) { at("heat").src = source; at("heat").alt = caption || "where the model looked";
    at("heat").style.opacity = at("fade").value / 100; } else at("heat").removeAttribute("src");
}

function pick(file) {
  if (!file) return;
  picked = file; heat(null);
  if (at("preview").src) URL.revokeObjectURL(at("preview").src);
  at("preview").src = URL.createObjectURL(file); at("preview").alt = `your picture ${file.name}`;
  at("stack").hidden = false; at("hint").hidden = true; at("drop").classList.add("full");
    at("again").hidden = false;
  at("said").textContent = `${file.name} chosen`;
  at("result").replaceChildren();
  if (file.size > facts.limit) return complain({expected: `a picture of at most ${facts.limit / 1e6} MB`,
    got: `${(file.size / 1e6).toFixed(1)} MB`, fix: "make it smaller first"});
  answer();
}
at("preview").addEventListener("load", () =>
  at("preview").classList.toggle("small", Math.max(at("preview").naturalWidth,
    at("preview").naturalHeight) < 200));
at("preview").addEventListener("error", () => { at("stack").hidden = true;
  at("hint").hidden = false; at("drop").classList.remove("full"); });
for (const id of ["file", "camera"]) at(id).addEventListener("change", event => {
  pick(event.target.files[0]); event.target.value = ""; });
for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, event => {
  event.preventDefault(); at("drop").classList.toggle("over", kind === "dragover");
  if (kind === "drop") pick(event.dataTransfer.files[0]); });
document.addEventListener("paste", event => pick(event.clipboardData.files[0]));
at("again").addEventListener("click", () => at("file").click());
at("take").addEventListener("click", () => at("camera").click());
at("explain").addEventListener("change", answer);
at("fade").addEventListener("input", () => { at("heat").style.opacity = at("fade").value / 100; });
if (at("key")) at("key").addEventListener("change", () => { about(); answer(); });
at("curl").textContent = `curl -F file=@picture.jpg ${facts.keyed ? '-H "X-API-Key: KEY" ' : ""}` +
  `"${location.origin}/predict?top=3"`;
about();
"""

BODY = """
<header><h1 id="title">{name}</h1>
<p class="lead">Drop a picture and see what this model says. It stays on the machine that runs the server.</p>
</header>
{key}
<div class="two">
<section><h2>Your picture</h2>
<label class="drop" id="drop" for="file"><span class="away">Choose a picture</span>
<input class="away" type="file" id="file" accept="image/*">
<span class="hint" id="hint"><b>Drop a picture here</b><span class="note">or click to choose one,
  or paste it</span></span>
<span class="stack" id="stack" hidden><img id="preview" alt=""><img id="heat" alt="" hidden></span></label>
<input class="away" type="file" id="camera" accept="image/*" capture="environment"
  tabindex="-1" aria-hidden="true">
<div class="row"><button type="button" id="again" hidden>Another picture</button>
<button type="button" class="plain" id="take">Take one</button>
<label class="check" {explain}><input type="checkbox" id="explain"> show where it looked</label></div>
<div class="row" id="fading" hidden><label for="fade">picture</label>
<input type="range" id="fade" min="0" max="100" value="60" aria-label="fade from the picture to the heat">
<span aria-hidden="true">heat</span></div>
<p class="note" id="caption"></p><p class="away" role="status" id="said"></p></section>
<section><h2>Answer</h2><div id="result" aria-live="polite"><p class="note">The answer appears here.</p></div>
</section>
</div>
<section><h2>About this model</h2><div id="about"><p class="note">…</p></div></section>
<section><h2>From a program</h2><pre tabindex="0"><code id="curl"></code></pre>
<p class="note">JSON works too: <code>{{"picture": base64}}</code> to <code>/predict</code>;
<code>?explain=1</code> adds the overlay. All addresses and errors: <a href="openapi.json">openapi.json</a>;
how busy it is: <a href="metrics">metrics</a>.</p></section>
"""


def page(name: str, *, explains: bool, keyed: bool, limit: int) -> str:
    """The page as HTML. limit: bytes a body may have."""
    body = BODY.replace("{explain}", "" if explains else "hidden")
    return document(name, body, SCRIPT, keyed=keyed, things="pictures", explain=explains, limit=limit)
