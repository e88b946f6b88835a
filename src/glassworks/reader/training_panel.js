// Buttons and settings on top, below them what Python drew. The page says every few seconds that it is still
// there; while nobody looks, Python draws nothing.
function render({ model, el, kit }) {
  const make = kit.make, plan = model.get("plan"), alive = kit.alive();
  const values = { ...model.get("values") }, shows = {}, inputs = [];

  const field = (c, input) => {
    const id = kit.name("setting");
    input.id = id;
    inputs.push(input);
    return make("div", { class: "control" }, make("label", { for: id }, c.label), input);
  };
  const number = (c) => {
    const input = make("input", { type: "number", min: c.low, max: c.high, step: c.step ?? 1, required: true });
    input.addEventListener("change", () => {
      if (input.value !== "" && Number.isFinite(input.valueAsNumber)) values[c.name] = input.valueAsNumber;
      else input.value = values[c.name];
    });
    shows[c.name] = (v) => { input.value = v; };
    return field(c, input);
  };
  const build = {
    slider: number,
    steps: number,
    choose(c) {
      const select = make("select", {}, ...c.options.map((o) => make("option", { value: o }, o)));
      select.addEventListener("change", () => { values[c.name] = select.value; });
      shows[c.name] = (v) => { select.value = v; };
      return field(c, select);
    },
    toggle(c) {
      const input = make("input", { type: "checkbox", onchange: () => { values[c.name] = input.checked; } });
      shows[c.name] = (v) => { input.checked = v; };
      inputs.push(input);
      return make("div", { class: "control choices" }, make("label", {}, input, c.label));
    },
  };

  const say = (word, more = {}) => model.send({ do: word, ...more });
  const start = make("button", { type: "button", class: "main", onclick: () => say("start", { values }) });
  const stop = make("button", { type: "button", onclick: () => say("stop") });
  const resume = make("button", { type: "button", onclick: () => say("resume") }, "Resume");
  const drawing = make("div", { class: "drawing" });
  const told = make("pre", { tabindex: "0" });
  const more = make("details", {}, make("summary", {}, "What the run says"), told);
  const aloud = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const head = kit.name("training");
  const settings = plan.controls.map((c) => build[c.kind](c));
  const box = make("section", { class: "box training", "aria-labelledby": head },
    make("h3", { id: head }, plan.title), plan.says ? make("p", { class: "says" }, plan.says) : null,
    settings.length ? make("div", { class: "controls" }, ...settings) : null,
    make("div", { class: "buttons" }, start, resume, stop),
    alive ? null : make("p", { class: "note" }, "This page cannot compute. In the book itself the button trains."),
    drawing, more, aloud,
    make("details", {}, make("summary", {}, "The same in a terminal"),
      make("pre", { tabindex: "0" }, make("code", {}, plan.command))));
  el.append(box);

  const showState = () => {
    const state = model.get("state"), live = ["waiting", "running", "stopping"].includes(state);
    const focused = box.getRootNode().activeElement;
    start.hidden = live;
    stop.hidden = !live;
    resume.hidden = !["stopped", "interrupted"].includes(state);
    start.textContent = state === "idle" ? "Train" : "Train again";
    stop.textContent = { waiting: "Leave the queue", stopping: "Stopping" }[state] ?? "Stop";
    stop.disabled = state === "stopping";
    start.disabled = resume.disabled = !alive;
    for (const input of inputs) input.disabled = live || !alive;
    if ((focused === start || focused === resume) && live) stop.focus();
    if (focused === stop && !live) (resume.hidden ? start : resume).focus();
  };
  const showSaid = () => {
    told.textContent = model.get("said");
    more.hidden = !model.get("said");
  };
  const ends = [
    kit.follow(model, ["state"], showState),
    kit.follow(model, ["said"], showSaid),
    kit.follow(model, ["drawn"], () => { drawing.innerHTML = model.get("drawn"); }),
    kit.follow(model, ["spoken"], () => { aloud.textContent = model.get("spoken"); }),
    kit.follow(model, ["values"], () => {
      for (const [name, value] of Object.entries(model.get("values"))) { values[name] = value; shows[name]?.(value); }
    }),
  ];
  if (!alive) return () => ends.forEach((end) => end());

  const here = () => { if (document.visibilityState === "visible") say("here"); };
  here();
  const clock = setInterval(here, 5000);
  document.addEventListener("visibilitychange", here);
  const near = new IntersectionObserver((seen) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    near.disconnect();
    say("near");
  }, { rootMargin: "400px" });
  near.observe(box);
  return () => {
    clearInterval(clock);
    document.removeEventListener("visibilitychange", here);
    near.disconnect();
    ends.forEach((end) => end());
  };
}
