"""What all pages of the server share: style, asking, answers, facts. One file each, nothing from outside.

The server sends style and script inside the page and names their digests in the Content-Security-Policy, so
the browser runs these and nothing else, with or without a network. All facts come from /about and all answers
from /predict: the page knows no more than any other client.

Source: W3C's Content Security Policy level 3 (hashes); WAI-ARIA practices for live regions.
The first thing to change: `ANSWER` in the script, for answers that are no list of classes.
"""

import base64
import hashlib
import html
import json
import re

from glassworks.core.page import STYLE

OWN_STYLE = """
[hidden] { display: none !important; }
header p { margin: 0 0 .4rem; }
.two { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); align-items: stretch; }
.two section { margin: 0; } @media (max-width: 720px) { .two { grid-template-columns: minmax(0, 1fr); } }
.drop { border: 2px dashed var(--line); border-radius: 10px; min-height: 300px; display: grid;
  place-items: center; text-align: center; padding: .6rem; background: var(--paper); cursor: pointer; }
.drop.full { min-height: 0; } pre { white-space: pre-wrap; }
.drop.over, .drop:hover { border-color: var(--accent); }
.drop:focus-within { outline: 3px solid var(--accent); outline-offset: 2px; }
.drop .hint { padding: 1rem; } .drop .hint b { display: block; font-size: 1.05rem; margin-bottom: .2rem; }
.stack { position: relative; line-height: 0; max-width: 100%; }
.stack img { max-width: 100%; max-height: 420px; border-radius: 6px; }
.stack img.small { min-width: min(280px, 70vw); image-rendering: pixelated; }
.stack img + img { position: absolute; inset: 0; width: 100%; height: 100%; opacity: .6; }
.row { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: center; margin-top: .8rem; }
button, .button { font: inherit; color: var(--card); background: var(--accent);
  border: 1px solid var(--accent);
  border-radius: 8px; padding: .5rem .9rem; min-height: 44px; cursor: pointer; display: inline-flex;
  align-items: center; } button.plain { color: var(--accent); background: transparent; }
button:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
label.check { display: inline-flex; gap: .5rem; align-items: center; min-height: 44px; cursor: pointer; }
input[type=checkbox] { width: 1.15rem; height: 1.15rem; accent-color: var(--accent); }
input[type=range] { accent-color: var(--accent); flex: 1 1 140px; min-width: 0; min-height: 44px; }
input[type=password] { font: inherit; color: inherit; background: var(--paper); padding: .5rem .7rem;
  border: 1px solid var(--line); border-radius: 8px; min-height: 44px; flex: 1 1 200px; min-width: 0; }
.away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
textarea { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; padding: .7rem .8rem; width: 100%; box-sizing: border-box; min-height: 180px;
  resize: vertical; }
textarea:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; } .big { font-size: 1.6rem; }
textarea.numbers { font-family: ui-monospace, monospace; font-size: .9rem; }
.words { line-height: 1.9; overflow-wrap: anywhere; white-space: pre-wrap; }
.words span { border-radius: 4px; padding: .05rem .1rem; }
.long { max-height: 340px; overflow-y: auto; } svg.course { width: 100%; height: auto; display: block; }
ol.answers { list-style: none; margin: 0; padding: 0; }
ol.answers li { margin: 0 0 .6rem; } ol.answers .name { display: flex; justify-content: space-between;
  gap: 1rem; }
ol.answers li:first-child .name { font-weight: 650; font-size: 1.15rem; }
ol.answers .share { font-variant-numeric: tabular-nums; }
.track { height: 10px; border-radius: 5px; background: var(--line); overflow: hidden; margin-top: .15rem; }
.fill { height: 100%; background: var(--accent); border-radius: 5px; min-width: 2px; }
li + li .fill { opacity: .65; }
.notice { border-left: 4px solid var(--warn); background: var(--paper); border-radius: 6px; margin: 0 0 1rem;
  padding: .6rem .9rem; } .notice.bad { border-color: var(--bad); color: inherit; } .notice b {
    display: block; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; margin: 0; }
#caption:empty { display: none; } section > :last-child, #result > :last-child { margin-bottom: 0; }
dt { color: var(--soft); } dd { margin: 0; } @media (max-width: 480px) { dl { grid-template-columns: 1fr;
  gap: 0; }
  dd { margin-bottom: .5rem; } th, td { padding-right: .5rem; } th.number { white-space: normal; }
  td.number { font-size: .85rem; } th:last-child, td:last-child { padding-right: 0; } }
"""

SHARED = r"""
"use strict";
const at = id => document.getElementById(id);
const facts = JSON.parse(at("facts").textContent);
let turn = 0;
const make = (tag, text, kind) => { const one = document.createElement(tag);
  if (text !== undefined) one.textContent = text; if (kind) one.className = kind; return one; };
const key = () => { const word = at("key") && at("key").value.trim(); return word ? {"X-API-Key": word}
  : {}; };
const percent = share => share >= 0.9995 ? "100 %" : share < 0.0005 ?
  "< 0.1 %" : (100 * share).toFixed(1) + " %";

async function ask(path, options) {
  let reply;
  try { reply = await fetch(path, {...options, headers: {...key(), ...(options || {}).headers}}); }
  catch (lost) { throw {expected: "an answer from the server", got: "no connection",
    fix: "see whether the server still runs"}; }
  const content = await reply.json();
  if (!reply.ok) { const again = reply.headers.get("Retry-After");
    throw {...content.error, fix: content.error.fix + (again ? ` (try again in ${again} s)` : "")}; }
  return content;
}

function complain(error) {
  const box = make("div", undefined, "notice bad");
  box.append(make("b", "That did not work"),
    make("div", `Expected ${error.expected}; got ${error.got}.`), make("div", `To fix: ${error.fix}.`));
  at("result").replaceChildren(box);
}

const ANSWER = prediction => {
  const parts = [];
  if (prediction.unlike) { const box = make("div", undefined, "notice");
    box.append(make("b", "None of these?"), "This input is unlike what the model learned from, so do not " +
      "rely on the answers below."); parts.push(box); }
  if (prediction.note) parts.push(make("p", prediction.note, "note"));
  if (typeof prediction.value === "number") { parts.push(make("p", prediction.value.toPrecision(6), "big"));
    return parts; }
  if (!Array.isArray(prediction.answers)) { parts.push(make("pre", JSON.stringify(prediction, null, 2)));
    return parts; }
  const list = make("ol", undefined, "answers");
  for (const {class: name, probability} of prediction.answers) {
    const item = make("li"), line = make("div", undefined, "name"), track = make("div", undefined, "track"),
      fill = make("div", undefined, "fill");
    fill.style.width = `${100 * probability}%`; track.setAttribute("aria-hidden", "true"); track.append(fill);
    line.append(make("span", name), make("span", percent(probability), "share")); item.append(line, track);
    list.append(item);
  }
  parts.push(list); return parts;
};

function shown(value) {
  if (Array.isArray(value)) return value.length > 12 ?
    `${value.length}: ${value.slice(0, 12).join(", ")}, …` : value.join(", ");
  if (typeof value === "number") return value.toLocaleString("en");
  return typeof value === "object" && value !== null ?
    Object.entries(value).map(([name, one]) => `${name} ${shown(one)}`).join(", ") : String(value);
}
async function about() {
  let model;
  try { model = await ask("about"); }
  catch (error) { at("about").replaceChildren(make("p", `${error.expected}: ${error.fix}`, "note")); return; }
  const list = make("dl");
  for (const [name, value] of Object.entries(model)) {
    if (["schema", "name", "figures", "limits", "explain"].includes(name) || value === null ||
      (Array.isArray(value) && !value.length)) continue;
    list.append(make("dt", name.replaceAll("_", " ")), make("dd", shown(value)));
  }
  const parts = [list];
  if (model.figures && Object.keys(model.figures).length) {
    const table = make("table"), head = make("tr"), frame = make("div", undefined, "scroll");
    for (const [word, kind] of [["figure", ""], ["value", "number"], ["95 % interval", "number"],
      ["n", "number"]])
      head.append(make("th", word, kind));
    table.append(head);
    for (const [name, one] of Object.entries(model.figures)) { const row = make("tr"), figure = value =>
        value === null || value === undefined ? "" : Number(value).toFixed(3);
      row.append(make("td", name.replaceAll("_", " ")), make("td", figure(one.value), "number"),
        make("td", one.low === undefined ? "" : `${figure(one.low)} – ${figure(one.high)}`, "number"),
        make("td", one.n === undefined ? "" : Number(one.n).toLocaleString("en"), "number"));
      table.append(row); }
    frame.append(table); parts.push(make("h3", `Measured on ${facts.things} it had not seen`), frame);
  }
  at("about").replaceChildren(...parts);
  if (model.name) at("title").textContent = model.name;
}
"""

KEY = """<section><h2>Key</h2><div class="row"><label for="key">This server asks for its key</label>
<input type="password" id="key" autocomplete="current-password"></div></section>"""


def document(name: str, body: str, script: str, *, keyed: bool, **facts: object) -> str:
    """A page as HTML. body: with {key} where the key is asked for, and {name}; script: after the shared one.

    facts: what the script knows besides: `things`, `explain`, `limit` bytes of a body.
    """
    told = json.dumps({"keyed": keyed, **facts})
    title = html.escape("Glassworks" if keyed else name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{STYLE}{OWN_STYLE}</style></head><body><main>"
        f"{body.format(name=title, key=KEY if keyed else '')}</main>"
        f'<script type="application/json" id="facts">{told}</script>'
        f"<script>{SHARED}{script}</script></body></html>\n"
    )


def policy(page: str) -> str:
    """The Content-Security-Policy of a page: its own style and script by digest, nothing else."""
    style, script = (
        " ".join(map(_digest, re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)))
        for tag in ("style", "script")
    )
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; img-src data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
