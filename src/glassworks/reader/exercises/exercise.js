// One exercise: question, answer, result. Python judges; this shows `state` and sends what the reader did.
const KINDS = { choice: "choose one", number: "give a number", predict: "predict, then see", code: "write code" };
const SIGNS = { true: "M3 9.5 7 13.5 15 4.5", false: "M4 4 14 14M14 4 4 14" };
const STOP_AFTER = 2000, DRAFT_AFTER = 1000;  // milliseconds

function sign(passed) {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  for (const [name, value] of [["viewBox", "0 0 18 18"], ["width", "18"], ["height", "18"], ["aria-hidden", "true"]])
    svg.setAttribute(name, value);
  path.setAttribute("d", SIGNS[passed]);
  svg.append(path);
  return svg;
}

function markup(make, tag, attributes, html) {  // html: made and escaped by Python
  const element = make(tag, attributes);
  element.innerHTML = html;
  return element;
}

function render({ model, el, kit }) {
  const plan = model.get("plan"), make = kit.make, head = kit.name("exercise"), alive = kit.alive();
  const able = alive && !plan.refused;
  let asked = false, timer = null, draft = null, warm = false;

  const send = (content) => { if (alive) model.send(content); };
  const keep = (text) => {  // at most once a second, the newest text
    if (draft === null) setTimeout(() => { send({ draft }); draft = null; }, DRAFT_AFTER);
    draft = String(text);
  };
  const flush = () => { if (draft !== null) { send({ draft }); } };
  const submit = () => {
    if (!able || model.get("state").busy) return;
    const answer = field.answer();
    if (answer === null) { say(plan.kind === "number" ? "Write a number first." : "Choose one of the answers first."); return; }
    asked = true;
    send({ check: answer });
  };
  const say = (words) => { notice.textContent = words; };

  // The answer: one of three fields, each { element, answer() }.
  const fields = {
    choice() {
      const group = kit.name("choice");
      const rows = plan.choices.map((html, place) => {
        const input = make("input", { type: "radio", name: group, value: place, disabled: !able,
          checked: plan.draft === String(place), onchange: () => { say(""); keep(place); } });
        return make("label", {}, input, markup(make, "span", {}, html));
      });
      const element = make("fieldset", {}, make("legend", { class: "unseen" }, "Answers"),
        make("div", { class: "choices answers" }, ...rows));
      const answer = () => {
        const chosen = element.querySelector("input:checked");
        return chosen ? Number(chosen.value) : null;
      };
      return { element, answer };
    },
    number() {
      const id = kit.name("number");
      const input = make("input", { type: "text", id, autocomplete: "off", spellcheck: "false", disabled: !able,
        size: 14, maxlength: 80, "aria-describedby": kit.name("unit") });
      input.value = plan.draft;
      input.addEventListener("input", () => { say(""); keep(input.value); });
      input.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Enter") { event.preventDefault(); submit(); }
      });
      const element = make("div", { class: "number-field" }, make("label", { for: id }, "Your number"), input,
        make("span", { id: input.getAttribute("aria-describedby"), class: "unit" }, plan.unit));
      return { element, answer: () => input.value.trim() || null };
    },
    code() {
      const note = kit.name("keys"), start = plan.draft || plan.start;
      if (!able) {
        const shown = make("pre", { tabindex: "0" }, make("code", {}, start));
        return { element: shown, answer: () => null };
      }
      const code = editor({ kit, text: start, note, label: `Code that defines ${plan.name}`, submit,
        changed: (text) => { say(""); keep(text); },
        began: () => { if (!warm) { warm = true; send({ warm: true }); } } });
      const keys = make("p", { class: "note", id: note },
        "Tab indents, Shift and Tab take it back. Escape, then Tab leaves the field. Ctrl or Cmd and Enter check.");
      const over = make("button", { type: "button", class: "quiet", onclick: () => code.set(plan.start) }, "Start over");
      return { element: make("div", {}, code.element, keys), answer: code.text, extra: over };
    },
  };
  fields.predict = fields.choice;
  const field = fields[plan.kind]();

  const word = plan.kind === "predict" ? "Lock in my prediction" : "Check";
  const button = make("button", { type: "button", class: "main", onclick: submit }, word);
  const stop = make("button", { type: "button", hidden: true, onclick: () => send({ stop: true }) }, "Stop");
  const notice = make("span", { class: "warn", role: "status" });
  const badge = make("span", { class: "badge good", hidden: true }, sign(true), "passed");
  const reveal = make("div", { class: "reveal", hidden: true });
  const result = make("div", { class: "result", tabindex: "-1", role: "group", "aria-label": "Result", hidden: true });
  const live = make("div", { "aria-live": "polite" }, result);
  const help = make("div", { class: "help" });
  const after = make("div", { class: "after" });
  const told = !alive ? "Answers are checked in the running book: start it with \u201cglassworks book\u201d." : plan.refused;

  el.append(make("section", { class: "box exercise", "aria-labelledby": head },
    make("h3", { id: head }, `Exercise: ${KINDS[plan.kind]}`,
      make("span", { class: "note" }, ` about ${plan.minutes} minute${plan.minutes === 1 ? "" : "s"}`), badge),
    markup(make, "div", { class: "question" }, plan.question), field.element,
    able ? make("div", { class: "actions" }, button, stop, field.extra ?? null, notice) : null,
    told ? make("p", { class: "note told" }, told) : null,
    reveal, live, help, after));

  const showResult = (state) => {
    result.hidden = !state.judged;
    if (!state.judged) return;
    const right = state.rows.filter((row) => row.passed).length, count = state.rows.length;
    const verdict = state.passed ? "Passed." : state.stopped ? "Not finished."
      : plan.kind === "predict" && state.tries === 1 ? "It goes another way."
      : count > 1 ? `Not yet: ${right} of ${count} rows hold.` : "Not yet.";
    const rows = state.rows.map((row) => make("li", { class: row.passed ? "holds" : "fails" },
      make("span", { class: `sign ${row.passed ? "good" : "bad"}` }, sign(row.passed),
        make("span", { class: "unseen" }, row.passed ? "holds: " : "does not hold: ")),
      make("div", {}, count > 1 || plan.kind === "code" ? make("strong", {}, row.name) : null,
        markup(make, "div", { class: "reason" }, row.reason))));
    result.replaceChildren(
      make("p", { class: `verdict ${state.passed ? "good" : "bad"}` }, verdict),
      state.stopped ? markup(make, "p", {}, state.stopped) : "",
      rows.length ? make("ul", { class: "rows" }, ...rows) : "",
      state.printed ? make("div", {}, make("h4", {}, "Printed"),
        make("pre", { class: "printed", tabindex: "0", "aria-label": "Printed by your code" }, state.printed)) : "");
  };
  const showHelp = (state) => {
    if (!able) return;
    const given = state.hints.map((html, n) => make("div", { class: "hint" }, make("h4", { tabindex: "-1" }, `Hint ${n + 1}`),
      markup(make, "div", {}, html)));
    const more = state.hints.length < plan.hints && !state.ever;
    const left = plan.honest - state.honest;
    help.replaceChildren(...given,
      state.solution ? make("div", { class: "hint" }, make("h4", { tabindex: "-1" }, "Solution"), markup(make, "div", {}, state.solution)) : "",
      make("div", { class: "actions" },
        more ? make("button", { type: "button", class: "quiet", onclick: () => { send({ hint: true }); } },
          `Hint ${state.hints.length + 1} of ${plan.hints}`) : "",
        state.open && !state.solution
          ? make("button", { type: "button", class: "quiet", onclick: () => send({ solution: true }) }, "Show the solution") : "",
        !state.open && state.tries > 0
          ? make("span", { class: "note" }, `The solution opens after a pass, or ${left} more different ${left === 1 ? "try" : "tries"}.`) : ""));
  };
  const showAfter = (state) => {
    after.replaceChildren(
      state.why ? make("div", {}, make("h4", {}, "Why"), markup(make, "div", {}, state.why)) : "",
      state.further ? make("div", {}, make("h4", {}, "Go further"), markup(make, "div", {}, state.further)) : "",
      state.trouble ? make("p", { class: "note warn" }, state.trouble) : "");
  };
  const showBusy = (state) => {
    button.setAttribute("aria-disabled", state.busy);  // not disabled, or the focus would be lost
    button.textContent = state.busy ? "Checking\u2026" : plan.kind === "predict" && state.predicted ? "Check" : word;
    clearTimeout(timer);
    stop.hidden = true;
    if (state.busy) timer = setTimeout(() => { stop.hidden = false; }, STOP_AFTER);
  };
  let judged = model.get("state").judged, shownHelp = "";
  const show = () => {
    const state = model.get("state");
    showBusy(state);
    badge.hidden = !state.ever;
    if (state.reveal && reveal.hidden) { reveal.hidden = false; reveal.innerHTML = `<h4>What happens</h4>${state.reveal}`; }
    const helpNow = JSON.stringify([state.hints, state.solution, state.open, state.ever, state.tries, state.honest]);
    if (helpNow !== shownHelp) {  // not on every change: a button that has the focus stays
      const inside = help.contains(el.getRootNode().activeElement);
      showHelp(state);
      if (inside) [...help.querySelectorAll(".hint")].at(-1)?.querySelector("h4")?.focus();
      shownHelp = helpNow;
    }
    if (state.judged === judged && state.judged) return;
    judged = state.judged;
    showResult(state);
    showAfter(state);
    if (asked && state.judged) { asked = false; result.focus({ preventScroll: true }); result.scrollIntoView({ block: "nearest" }); }
  };
  const end = kit.follow(model, ["state"], show);
  if (model.get("state").predicted && !model.get("state").reveal) send({ reveal: true });
  addEventListener("pagehide", flush);
  return () => { end(); clearTimeout(timer); removeEventListener("pagehide", flush); };
}
