// Rows of classes to drop pictures on; the rest is that of every panel for own data.
function render({ model, el, kit }) {
  return ownPanel({ model, el, kit }, { things: "pictures", accept: "image/*" }, fill);

  function fill({ make, plan, say, ask, sendAll, trying, zone, quiet }) {
    const parts = ["train", "training", "val", "valid", "validation", "dev", "test", "testing"];
    const withClasses = (files) => files.filter(([file]) => !quiet(file.name)).map(([file, path]) => {
      const steps = path.split("/").filter(Boolean);  // folder/class/picture, folder/train/class/picture
      const inner = steps.length > 3 && parts.includes(steps[1].toLowerCase()) ? 2 : 1;
      return [file, { class: steps.length > 2 ? steps[inner] : steps[0] }];
    });
    // ---- the rows

    const rows = new Map(), list = make("div", { class: "classes" });
    const newRow = (key) => {
      const id = kit.name("class"), label = make("label", { for: id });
      const field = make("input", { type: "text", id, maxlength: plan.longest, autocomplete: "off" });
      const counted = make("p", { class: "note" }), strip = make("div", { class: "strip" });
      const files = make("ul"), more = make("details", {}, make("summary", {}, "All files"), files);
      const drop = zone("", (found) => sendAll(found.filter(([file]) => !quiet(file.name)).map(([file]) => [file, key])));
      const remove = make("button", { type: "button", class: "aside", onclick: () => say("remove", { key }) }, "Remove this class");
      field.addEventListener("change", async () => {
        const said = await ask(`name ${key}`, { do: "name", key, name: field.value }).catch(() => null);
        if (said) field.value = said.name;
      });
      const group = make("div", { class: "class", role: "group" },
        make("div", { class: "control" }, label, field), drop.box, strip, counted, more, remove);
      list.append(group);
      return { group, label, field, counted, strip, files, more, drop, remove, shown: "" };
    };
    const fillRow = (row, one, number) => {
      row.label.textContent = `Name of class ${number}`;
      row.group.setAttribute("aria-label", `Class ${number}: ${one.name}`);
      if (row.field.getRootNode().activeElement !== row.field) row.field.value = one.name;
      row.drop.button.textContent = `Drop pictures of “${one.name}” here, or choose files`;
      row.remove.setAttribute("aria-label", `Remove this class: ${one.name}`);
      const pictures = one.files.length;
      row.counted.textContent = pictures ? `${pictures} picture${pictures === 1 ? "" : "s"}, ${one.size}` : "No pictures yet";
      row.more.hidden = !pictures;
      const state = JSON.stringify([one.name, one.files, one.thumbs.map((t) => t.alt)]);
      if (state === row.shown) return;
      row.shown = state;
      row.strip.replaceChildren(...one.thumbs.map((t) => make("img", { src: t.src, alt: t.alt, width: 64, height: 64 })));
      if (pictures > one.thumbs.length) row.strip.append(make("span", { class: "note" }, `and ${pictures - one.thumbs.length} more`));
      row.files.replaceChildren(...one.files.map((file) => make("li", {}, make("span", {}, file), make("button", {
        type: "button", "aria-label": `Remove ${file} from ${one.name}`,
        onclick: () => say("remove", { key: one.key, file }),
      }, "Remove"))));
    };
    const showClasses = () => {
      const known = new Set();
      for (const [number, one] of model.get("classes").entries()) {
        const key = one.key;
        known.add(key);
        if (!rows.has(key)) rows.set(key, newRow(key));
        fillRow(rows.get(key), one, number + 1);
      }
      for (const [key, row] of rows) if (!known.has(key)) { row.group.remove(); rows.delete(key); }
    };

    const add = make("button", { type: "button", onclick: () => say("add") }, "Add a class");
    const folder = zone("Choose a folder with a folder for each class", (found) => sendAll(withClasses(found)), { folder: true });
    const one = zone("Drop one more picture here, or choose a file", trying, { many: false });
    const still = (wait) => {
      showClasses();
      for (const row of rows.values()) {
        row.field.disabled = row.remove.disabled = row.drop.button.disabled = wait;
        for (const button of row.files.querySelectorAll("button")) button.disabled = wait;
      }
      add.disabled = folder.button.disabled = wait;
    };
    return {
      top: [list, make("div", { class: "buttons" }, add, folder.box)],
      still,
      tryOne: make("div", {}, make("h4", {}, "Try one more"), one.box),
      traits: ["classes"],
    };
  }
}
