// What a page of the book can say of itself, for book.py. Widgets stand in shadow roots, so all looking enters them.
window.bench = (() => {
  const all = (root = document) => [...root.querySelectorAll("*")].flatMap((e) => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
  const boxes = (kind) => all().filter((e) => e.matches(kind));
  const figures = () => boxes("section.box:not(.exercise, .lab, .training)").filter((e) => e.querySelector(".drawing"));
  const training = () => boxes(".training:not(.own)")[0];
  const own = () => boxes(".own")[0];
  const exercises = () => boxes("section.box.exercise");
  const until = (happened, patience = 120000) => new Promise((done, failed) => {
    const start = performance.now();
    const ask = () => {
      let value = null;
      try { value = happened(); } catch { /* not there yet */ }
      if (value) done(performance.now() - start);
      else if (performance.now() - start > patience) failed(new Error(`never: ${happened}`));
      else setTimeout(ask, 4);
    };
    ask();
  });
  const ready = () => {
    const widgets = [...document.querySelectorAll("marimo-anywidget")];
    return document.querySelectorAll("#root .works").length >= 2 && widgets.length > 0
      && widgets.every((e) => e.shadowRoot?.querySelector("section.box"));
  };
  const able = (box, chosen) => [...box.querySelectorAll(`.controls ${chosen}`)].filter((e) => !e.disabled);
  const move = (box, number) => {
    const control = able(box, "input, select, button")[0];
    if (!control) return false;
    if (control.type === "range") {
      const [low, high] = [Number(control.min), Number(control.max)], share = (number * 7 % 20 + 0.5) / 20;
      control.value = low + (high - low) * share;
      control.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (control.type === "radio") {
      const options = able(box, "input[type=radio]").filter((e) => e.name === control.name);
      options[(options.findIndex((e) => e.checked) + 1) % options.length].click();
    } else if (control.tagName === "SELECT") {
      control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
      control.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      const steps = control.closest(".steps") ?? control.parentElement;
      const first = [...steps.querySelectorAll("button")].at(-1), next = steps.querySelector("button.main") ?? control;
      (next.disabled ? first : next).click();
    }
    return true;
  };
  // Milliseconds from input to changed drawing; null where it stays as it is because nothing differs.
  const react = async (box, number) => {
    const drawing = box.querySelector(".drawing"), before = drawing.innerHTML, start = performance.now();
    if (!move(box, number)) return null;
    const changed = await until(() => drawing.innerHTML !== before, 1500).then(() => performance.now() - start, () => null);
    const settled = () => !drawing.classList.contains("busy") && !/runs are done/.test(drawing.textContent);
    await until(settled, 60000);
    return changed;
  };
  const reactions = async (place, moves) => {
    const box = figures()[place], times = [];
    for (let n = 0; n < moves; n += 1) { times.push(await react(box, n)); await new Promise((done) => setTimeout(done, 40)); }
    return { title: box.querySelector("h3").textContent, times };
  };
  const points = () => [...(training()?.querySelectorAll("polyline") ?? [])]
    .reduce((most, line) => Math.max(most, line.points.numberOfItems), 0);
  const button = (box, word) => [...box.querySelectorAll("button")].find((e) => e.textContent.startsWith(word) && !e.hidden);
  const check = async (place, text) => {
    const box = exercises()[place], field = box.querySelector("textarea"), result = box.querySelector(".result");
    const told = () => result.innerHTML, free = () => box.querySelector("button.main").textContent !== "Checking…";
    result.replaceChildren();
    field.value = text;
    field.dispatchEvent(new Event("input"));
    const start = performance.now();
    box.querySelector("button.main").click();
    await until(() => told() && free());
    return { seconds: (performance.now() - start) / 1000, said: result.textContent.replace(/\s+/g, " ").slice(0, 200) };
  };
  const drop = (place, files) => {
    const data = new DataTransfer();
    for (const [name, text] of files)
      data.items.add(new File([Uint8Array.from(atob(text), (l) => l.charCodeAt(0))], name, { type: "image/png" }));
    const zones = [...own().querySelectorAll("button.drop")].filter((e) => e.checkVisibility());
    zones.at(place).dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  };
  const classes = () => [...own().querySelectorAll('.class')];
  return { figures, training, own, classes, exercises, until, ready, react, reactions, points, button, check, drop };
})();
