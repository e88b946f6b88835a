// One file to drop, the columns that matter in it, and a line to try; the rest is that of every panel for own data.
function render({ model, el, kit }) {
  const plan = model.get("plan");
  return ownPanel({ model, el, kit }, { things: plan.things, accept: plan.accept }, fill);

  function fill({ make, say, sendAll, trying, zone }) {
    const drop = zone("", (found) => sendAll(found.slice(0, 1).map(([file]) => [file, "file"])), { many: false });
    const here = make("p", { class: "note" });
    const remove = make("button", { type: "button", class: "aside", onclick: () => say("remove") }, "Remove this file");
    const fields = plan.columns.map(({ name, label }) => {
      const id = kit.name(name), field = make("input", { type: "text", id, autocomplete: "off", maxlength: 200 });
      field.addEventListener("change", () => say("column", { name, value: field.value }));
      return { name, field, box: make("div", { class: "control" }, make("label", { for: id }, label), field) };
    });
    const more = make("details", { class: "columns" }, make("summary", {}, "Name the columns yourself"),
      ...fields.map((one) => one.box));
    const still = (wait) => {
      const file = model.get("file"), columns = model.get("columns");
      drop.button.textContent = file.name ? "Drop another file instead, or choose one" : plan.drop;
      here.textContent = file.name ? `${file.name}, ${file.size}` : "";
      remove.hidden = !file.name;
      more.hidden = !file.name || !fields.length;
      drop.button.disabled = remove.disabled = wait;
      for (const { name, field } of fields) {
        field.disabled = wait;
        if (field.getRootNode().activeElement !== field) field.value = columns[name] ?? "";
      }
    };
    const id = kit.name("try");
    const line = make("textarea", { id, rows: 3, maxlength: 5000 });
    const send = make("button", { type: "button", onclick: () => say("ask", { text: line.value }) }, plan.ask || "Ask");
    const written = make("div", {}, make("div", { class: "control" }, make("label", { for: id }, plan.line), line),
      make("div", { class: "buttons" }, send));
    const one = zone("Drop one more file here, or choose one", trying, { many: false });
    return {
      top: [drop.box, here, remove, more],
      still,
      tryOne: make("div", {}, make("h4", {}, "Try it"), plan.line ? written : one.box),
      traits: ["file", "columns"],
    };
  }
}
