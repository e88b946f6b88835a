// Controls on top, the drawing that Python made below. One drawing is asked for at a time; while it is made,
// only the newest values wait.
function render({ model, el, kit }) {
  const plan = model.get("plan"), make = kit.make;
  const values = { ...model.get("values") }, shows = {};
  const drawing = make("div", { class: "drawing", "aria-live": "polite" });
  const unsaid = new Set(plan.controls.filter((c) => c.kind === "picture").map((c) => c.name));  // no address holds it
  let busy = false, waiting = false;

  const ask = () => {
    if (!kit.alive()) return;
    if (busy) { waiting = true; return; }
    const sent = model.get("values");  // equal values are no change, and Python would not answer
    if (Object.keys(values).every((name) => values[name] === sent[name])) return;
    busy = true;
    drawing.classList.add("busy");
    model.set("values", { ...values });
    model.save_changes();
  };
  const change = (name, value) => {
    values[name] = value;
    shows[name]?.(value);
    if (!unsaid.has(name)) kit.remember(`${plan.key}.${name}`, value === plan.start[name] ? null : String(value));
    ask();
  };

  const build = {
    slider(c) {
      const id = kit.name(c.name), shown = make("output", { for: id });
      const input = make("input", { type: "range", id, min: c.low, max: c.high, step: c.step });
      input.addEventListener("input", () => change(c.name, Number(input.value)));
      shows[c.name] = (v) => { input.value = v; shown.textContent = `${v}${c.unit ? " " + c.unit : ""}`; };
      return make("div", { class: "control" }, make("label", { for: id }, `${c.label}: `, shown), input);
    },
    steps(c) {
      const shown = make("output"), label = kit.name(c.name);
      const move = (by) => change(c.name, Math.min(c.high, Math.max(c.low, values[c.name] + by)));
      const back = make("button", { type: "button", onclick: () => move(-1) }, "Back");
      const next = make("button", { type: "button", class: "main", onclick: () => move(1) }, "Next");
      const first = make("button", { type: "button", onclick: () => change(c.name, c.low) }, "From the start");
      shows[c.name] = (v) => {
        shown.textContent = `${v} of ${c.high}`;
        back.disabled = first.disabled = v <= c.low;
        next.disabled = v >= c.high;
      };
      return make("div", { class: "control", role: "group", "aria-labelledby": label },
        make("label", { id: label }, c.label), make("div", { class: "steps" }, back, shown, next, first));
    },
    choose(c) {
      if (c.options.length > 5) {
        const id = kit.name(c.name);
        const select = make("select", { id }, ...c.options.map((o) => make("option", { value: o }, o)));
        select.addEventListener("change", () => change(c.name, select.value));
        shows[c.name] = (v) => { select.value = v; };
        return make("div", { class: "control" }, make("label", { for: id }, c.label), select);
      }
      const group = kit.name(c.name), inputs = {};
      const rows = c.options.map((o) => {
        inputs[o] = make("input", { type: "radio", name: group, value: o, onchange: () => change(c.name, o) });
        return make("label", {}, inputs[o], o);
      });
      shows[c.name] = (v) => { if (inputs[v]) inputs[v].checked = true; };
      return make("fieldset", { class: "control" }, make("legend", {}, c.label),
        make("div", { class: "choices" }, ...rows));
    },
    toggle(c) {
      const input = make("input", { type: "checkbox", onchange: () => change(c.name, input.checked) });
      shows[c.name] = (v) => { input.checked = v; };
      return make("div", { class: "control choices" }, make("label", {}, input, c.label));
    },
    button(c) {
      return make("div", { class: "control" },
        make("button", { type: "button", onclick: () => change(c.name, values[c.name] + 1) }, c.label));
    },
    picture(c) {
      const id = kit.name(c.name), told = make("span", { class: "note", role: "status" });
      const input = make("input", { type: "file", id, accept: "image/*" });
      const away = make("button", { type: "button" }, "Take it away");
      away.addEventListener("click", () => { input.value = ""; change(c.name, ""); });
      input.addEventListener("change", async () => {
        if (!input.files.length) return;
        try { const small = await shrunk(input.files[0], c.side); told.textContent = ""; change(c.name, small); }
        catch { told.textContent = "The browser cannot read this file as a picture."; }
      });
      shows[c.name] = (v) => { away.hidden = !v; };
      return make("div", { class: "control" }, make("label", { for: id }, c.label), input, away, told);
    },
  };

  // The reader's picture, no longer than `side` pixels, on white, as a JPEG.
  async function shrunk(file, side) {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((one) => Math.max(1, Math.round(one * scale)));
    const canvas = make("canvas", { width, height }), pen = canvas.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, width, height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(bitmap, 0, 0, width, height);
    return canvas.toDataURL("image/jpeg", 0.92);
  }

  // A pointer on a part of the drawing that names two sliders moves both.
  const sliders = Object.fromEntries(plan.controls.filter((c) => c.kind === "slider").map((c) => [c.name, c]));
  const point = (event) => {
    const area = event.target.closest?.("[data-across][data-down]");
    if (!area || !(event.buttons & 1)) return;
    const box = area.getBoundingClientRect();
    const parts = [[area.dataset.across, (event.clientX - box.left) / box.width],
      [area.dataset.down, (event.clientY - box.top) / box.height]];
    for (const [name, share] of parts) {
      const c = sliders[name];
      if (!c) continue;
      const many = Math.round((c.high - c.low) / c.step) + 1;
      change(name, c.low + c.step * Math.min(many - 1, Math.max(0, Math.floor(share * many))));
    }
    event.preventDefault();
  };
  drawing.addEventListener("pointerdown", point);
  drawing.addEventListener("pointermove", point);
  drawing.addEventListener("dragstart", (event) => { if (event.target.closest?.("[data-across]")) event.preventDefault(); });

  const head = kit.name("figure");
  const controls = plan.controls.map((c) => build[c.kind](c));
  el.append(make("section", { class: "box", "aria-labelledby": head },
    make("h3", { id: head }, plan.title), plan.says ? make("p", { class: "says" }, plan.says) : null,
    controls.length ? make("div", { class: "controls" }, ...controls) : null, drawing));

  const draw = () => { drawing.innerHTML = model.get("drawn"); };
  const answered = () => {
    busy = false;
    drawing.classList.remove("busy");
    if (waiting) { waiting = false; ask(); }
  };
  const moved = () => {  // from Python, or by another view of the same figure
    if (busy || waiting) return;
    for (const [name, value] of Object.entries(model.get("values"))) { values[name] = value; shows[name]?.(value); }
  };
  model.on("change:drawn", draw);
  model.on("change:answered", answered);
  model.on("change:values", moved);
  draw();
  moved();

  let remembered = false;
  for (const c of plan.controls.filter((c) => !unsaid.has(c.name))) {  // what the address remembers
    const kept = kit.remembered(`${plan.key}.${c.name}`);
    if (kept === null || (c.kind === "choose" && !c.options.includes(kept))) continue;
    const start = plan.start[c.name];
    const value = typeof start === "boolean" ? kept === "true" : typeof start === "number" ? Number(kept) : kept;
    if (Number.isNaN(value) || value === values[c.name]) continue;
    values[c.name] = value;
    shows[c.name]?.(value);
    remembered = true;
  }
  if (remembered) ask();
  return () => {
    model.off("change:drawn", draw);
    model.off("change:answered", answered);
    model.off("change:values", moved);
  };
}
