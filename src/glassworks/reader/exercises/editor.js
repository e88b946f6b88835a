// A field for a few lines of Python: a plain textarea, so that every keyboard, phone and screen reader knows it,
// with a coloured copy of its text behind it and numbers beside it. The whole box scrolls, never the textarea.
const TOKENS = new RegExp([
  "(?<c>#[^\\n]*)",
  "(?<s>[rbfuRBFU]{0,2}(?:\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'''[\\s\\S]*?(?:'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))",
  "(?<n>\\b\\d[\\d_]*(?:\\.\\d*)?(?:[eE][+-]?\\d+)?\\b)",
  "(?<k>\\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|"
    + "import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\\b)",
  "(?<f>(?<=\\b(?:def|class)\\s+)\\w+)",
].join("|"), "g");

function coloured(text, make) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (!match[0]) continue;
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    pieces.push(text.slice(at, match.index), make("span", { class: kind }, match[0]));
    at = match.index + match[0].length;
  }
  return [...pieces, text.slice(at), "\n"];
}

// editor({ kit, text, label, note, changed, submit }) -> { element, text(), set(text) }
function editor({ kit, text, label, note, changed, submit, began }) {
  const make = kit.make, id = kit.name("code");
  const field = make("textarea", { id, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    autocorrect: "off", wrap: "off", "aria-describedby": note, "data-lm-suppress-shortcuts": "true" });
  const layer = make("pre", { class: "layer", "aria-hidden": "true" });
  const numbers = make("div", { class: "numbers", "aria-hidden": "true" });
  const paper = make("div", { class: "paper" }, layer, field);
  const element = make("div", { class: "editor" }, make("label", { for: id, class: "unseen" }, label),
    make("div", { class: "sheet" }, numbers, paper));
  let leaving = false;

  const show = () => {
    const lines = field.value.split("\n");
    layer.replaceChildren(...coloured(field.value, make));
    numbers.textContent = lines.map((_, n) => n + 1).join("\n");
    paper.style.setProperty("--columns", Math.max(...lines.map((line) => line.length)) + 2);
    paper.style.setProperty("--lines", lines.length);
  };
  const type = (words) => {  // through the browser's own command, so that undo goes on working
    if (document.execCommand?.("insertText", false, words) !== true) {
      field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new Event("input"));
    }
  };
  const replace = (from, to, words) => { field.setSelectionRange(from, to); erase(words); };
  const erase = (words) => {
    if (words) type(words);
    else if (field.selectionStart !== field.selectionEnd && document.execCommand?.("delete") !== true) {
      field.setRangeText("", field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new Event("input"));
    }
  };
  const indent = (back) => {
    const value = field.value, from = field.selectionStart, to = field.selectionEnd;
    const first = value.lastIndexOf("\n", from - 1) + 1;
    if (!back && from === to) return type(" ".repeat(4 - (from - first) % 4));
    const last = value.indexOf("\n", Math.max(to - (to > from && value[to - 1] === "\n" ? 1 : 0), first));
    const end = last < 0 ? value.length : last;
    const old = value.slice(first, end);
    const fresh = old.split("\n").map((line) => back ? line.replace(/^ {1,4}/, "") : line && "    " + line).join("\n");
    if (fresh === old) return;
    replace(first, end, fresh);
    const shift = fresh.split("\n")[0].length - old.split("\n")[0].length;
    if (from === to) field.setSelectionRange(Math.max(first, from + shift), Math.max(first, from + shift));
    else field.setSelectionRange(first, first + fresh.length);
  };
  const enter = () => {
    const before = field.value.slice(0, field.selectionStart);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const code = line.replace(/#.*$/, "").trimEnd();
    let depth = line.match(/^ */)[0].length;
    if (/[:([{]$/.test(code)) depth += 4;
    else if (/^\s*(return|pass|break|continue|raise)\b/.test(code)) depth = Math.max(0, depth - 4);
    type("\n" + " ".repeat(depth));
  };
  const backspace = () => {  // back to the stop before, where only blanks stand before the caret
    const at = field.selectionStart, first = field.value.lastIndexOf("\n", at - 1) + 1;
    const blanks = field.value.slice(first, at);
    if (at !== field.selectionEnd || blanks.length < 2 || blanks.trim()) return false;
    replace(at - ((blanks.length - 1) % 4 + 1), at, "");
    return true;
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();  // the page's own shortcuts are not for who types
    if (event.isComposing) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); }
    else if (event.key === "Escape") { leaving = true; return; }
    else if (event.key === "Tab" && plain && !leaving) { event.preventDefault(); indent(event.shiftKey); }
    else if (event.key === "Enter" && plain && !event.shiftKey) { event.preventDefault(); enter(); }
    else if (event.key === "Backspace" && plain && backspace()) event.preventDefault();
    if (event.key !== "Shift") leaving = false;
  });
  field.addEventListener("focus", () => { leaving = false; began(); });
  field.addEventListener("input", () => { show(); changed(field.value); });
  field.value = text;
  show();
  return {
    element,
    text: () => field.value,
    set(words) { field.focus(); field.select(); erase(words); },
    blur: () => field.blur(),
  };
}
