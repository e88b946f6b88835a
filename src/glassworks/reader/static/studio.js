// The workbench: what the reader chooses goes to /api/studio, and what comes back is shown. All that is drawn, worked
// out or refused is made by the server; here are only steps, buttons and the arriving of files.
(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const API = "/api/studio";
  const EVERY = 800; // ms between two looks at a run that goes on
  let facts = { systems: [], runs: [], samples: [], drops: [] };
  let fits = [], ok = false, shown = "", timer = 0, turn = 0, looked = 0, arriving = 0;

  const make = (tag, text, kind) => {
    const one = document.createElement(tag);
    if (text !== undefined) one.textContent = text;
    if (kind) one.className = kind;
    return one;
  };
  const say = (words) => { at("spoken").textContent = words; };

  // 1. Talking with the server: JSON, or {error: HTML} that is thrown.
  async function ask(path, options = {}) {
    let reply;
    try { reply = await fetch(API + path, options); }
    catch { throw { error: "<p class=\"bad\">The book does not answer. Is it still running?</p>" }; }
    if (reply.status === 204) return {};
    const kind = reply.headers.get("content-type") || "";
    if (!kind.includes("json")) throw { error: `<p class="bad">Refused (${reply.status}).</p>` };
    const said = await reply.json();
    if (!reply.ok) throw said;
    return said;
  }
  const post = (path, said) => ask(path, { method: "POST", body: JSON.stringify(said || {}),
    headers: { "Content-Type": "application/json" } });
  const complain = (place, wrong) => {
    at(place).innerHTML = wrong.error || "<p class=\"bad\">That did not work; reload the page.</p>";
    say(at(place).textContent);
  };

  // 2. The shelf.
  const WORDS = { done: "done", running: "training", waiting: "waits for its turn", stopped: "stopped",
    interrupted: "interrupted", failed: "failed", elsewhere: "trained by another process" };
  function shelf(runs) {
    facts.runs = runs;
    at("runs").replaceChildren(...runs.map((run) => {
      const item = make("li"), button = make("button");
      button.type = "button";
      button.append(make("b", run.name), make("small", `${run.system}, ${run.figure || WORDS[run.state] || run.state}`));
      if (run.id === shown) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => open(run.id));
      item.append(button);
      return item;
    }));
    if (!runs.length) at("runs").replaceChildren(make("li", "None yet.", "note"));
  }
  async function reshelve() { try { shelf((await ask("/runs")).runs); } catch { /* the next look tells */ } }

  // 3. Data: typed, pointed at, or dropped.
  const columns = () => Object.fromEntries([...document.querySelectorAll("[data-column]")]
    .filter((one) => one.value.trim()).map((one) => [one.dataset.column, one.value.trim()]));
  const chosen = () => ({ data: at("data").value.trim(), ...columns(), size: at("size").value,
    system: (document.querySelector('input[name="system"]:checked') || {}).value || "",
    variant: at("variant").value, epochs: at("epochs").value, name: at("name").value.trim(),
    horizon: at("horizon").value, pretrained: !document.querySelector(".pretrained").hidden && at("pretrained").checked });

  async function look() {
    const mine = ++looked;
    ok = false; ready();
    if (!at("data").value.trim()) return;
    at("seen").innerHTML = "<p class=\"note\">The checker is looking …</p>";
    try {
      const found = await post("/look", { data: at("data").value.trim(), ...columns() });
      if (mine !== looked) return;
      at("seen").innerHTML = found.html;
      ok = found.ok; fits = found.fits;
      systems();
      say(`${at("seen").textContent.slice(0, 200)}`);
    } catch (wrong) { if (mine === looked) { complain("seen", wrong); fits = []; systems(); } }
  }

  async function browse(path) {
    try {
      const found = await ask(`/folders?path=${encodeURIComponent(path)}`);
      const box = at("browser"), list = make("ul"), row = make("p", undefined, "row");
      const button = (text, work, kind) => { const one = make("button", text, kind); one.type = "button";
        one.addEventListener("click", work); return one; };
      const take = (where) => { at("data").value = where; box.hidden = true; look(); };
      row.append(make("b", found.path), button("One up", () => browse(found.parent)),
        button("Take this folder", () => take(found.path), "solid"));
      for (const { name, kind } of found.entries) {
        const item = make("li"), whole = `${found.path.replace(/[\\/]$/, "")}/${name}`;
        item.append(button(kind === "folder" ? `${name}/` : name, () => (kind === "folder" ? browse(whole) : take(whole))));
        list.append(item);
      }
      if (!found.entries.length) list.append(make("li", "Nothing here that could be data.", "note"));
      if (found.more) list.append(make("li", "… and more; type the path.", "note"));
      box.replaceChildren(row, list); box.hidden = false;
    } catch (wrong) { at("browser").hidden = false; complain("browser", wrong); }
  }

  // Files of a drop, folders opened: [file, path].
  async function opened(items) {
    const found = [], walk = async (entry, before) => {
      if (entry.isFile) {
        const file = await new Promise((good, bad) => entry.file(good, bad));
        if (!file.name.startsWith(".")) found.push([file, before + file.name]);
      } else if (entry.isDirectory && !entry.name.startsWith(".")) {
        const reader = entry.createReader();
        for (;;) {
          const some = await new Promise((good, bad) => reader.readEntries(good, bad));
          if (!some.length) break;
          for (const one of some) await walk(one, `${before}${entry.name}/`);
        }
      }
    };
    for (const entry of [...items].map((one) => one.webkitGetAsEntry && one.webkitGetAsEntry()).filter(Boolean))
      await walk(entry, "");
    return found;
  }

  async function arrive(pairs) {
    if (!pairs.length) return;
    const mine = ++arriving, first = pairs[0][1].split("/")[0];
    at("trouble").replaceChildren();
    try {
      const { id } = await ask(`/drops?name=${encodeURIComponent(first.replace(/\.[^.]*$/, "") || "data")}`, { method: "POST" });
      let done = 0;
      for (const [file, path] of pairs) {
        if (mine !== arriving) return;
        await ask(`/drops/${encodeURIComponent(id)}?name=${encodeURIComponent(path)}`, { method: "PUT", body: file });
        done += 1;
        if (done % 10 === 0 || done === pairs.length)
          at("arriving").textContent = `${done.toLocaleString("en")} of ${pairs.length.toLocaleString("en")} files are here`;
      }
      const drop = await ask(`/drops/${encodeURIComponent(id)}`);
      at("data").value = drop.where;
      at("arriving").textContent = `${drop.files.toLocaleString("en")} files copied to ${drop.where}`;
      look();
    } catch (wrong) { if (mine === arriving) complain("trouble", wrong); }
  }

  // 4. Systems and settings.
  function systems() {
    const before = chosen().system, list = facts.systems.filter((one) => fits.includes(one.name));
    at("systems").replaceChildren(...list.map((one) => {
      const label = make("label"), input = make("input"), name = make("b", one.name);
      input.type = "radio"; input.name = "system"; input.value = one.name;
      input.checked = one.name === before;
      input.addEventListener("change", settings);
      label.append(input, name, make("span", one.idea));
      return label;
    }));
    if (!list.length) at("systems").replaceChildren(make("p", "Choose data first: what can learn from it is shown here.", "note"));
    else if (!list.some((one) => one.name === before)) {
      const best = list.find((one) => one.weights.length) || list[0];
      at("systems").querySelector(`input[value="${CSS.escape(best.name)}"]`).checked = true;
    }
    settings();
  }
  function settings() {
    const one = facts.systems.find((system) => system.name === chosen().system);
    at("variant").replaceChildren(...(one ? one.variants : []).map((name) => { const option = make("option", name);
      option.value = name; return option; }));
    document.querySelector(".pretrained").hidden = !(one && one.weights.length);
    document.querySelector(".horizon").hidden = !(one && one.task === "time-series-forecasting");
    ready();
  }
  async function ready() {
    const mine = ++turn, said = chosen();
    at("train").disabled = !(ok && said.system);
    at("command-line").hidden = true;
    if (!said.data || !said.system) return;
    try {
      const { command } = await post("/command", said);
      if (mine !== turn) return;
      at("command").textContent = command; at("command-line").hidden = false;
    } catch { /* told when Train is pressed */ }
  }
  async function train() {
    at("trouble").replaceChildren(); at("train").disabled = true;
    try { const { id } = await post("/train", chosen()); await reshelve(); open(id); }
    catch (wrong) { complain("trouble", wrong); }
    at("train").disabled = false;
  }

  // 5. One run.
  function open(id) {
    shown = id; clearTimeout(timer);
    at("new").hidden = Boolean(id); at("one").hidden = !id;
    history.replaceState(null, "", id ? `#${id}` : location.pathname);
    for (const place of ["one-drawn", "one-ending", "tried", "drawings", "worth", "judged", "exported"]) at(place).replaceChildren();
    at("inside-page").hidden = true; lastInput = null; drawn = {};
    shelf(facts.runs);
    if (id) { follow(); at("one-title").focus({ preventScroll: true }); }
    else at("new-title").focus({ preventScroll: true });
  }
  let drawn = {}, spokenOf = "", lastInput = null;
  async function follow() {
    const id = shown;
    clearTimeout(timer);
    let found;
    try { found = await ask(`/runs/${id}`); }
    catch (wrong) { if (id === shown) { complain("one-ending", wrong); timer = setTimeout(follow, 3000); } return; }
    if (id !== shown) return;
    draw(found);
    if (found.live || found.run.state === "elsewhere") timer = setTimeout(follow, EVERY);
    else reshelve();
  }
  const put = (place, html) => { if (drawn[place] !== html) at(place).innerHTML = drawn[place] = html; };
  function draw(found) {
    const { run } = found;
    at("one-title").textContent = run.name;
    at("one-about").textContent = `${run.system} ${run.variant}, learns from ${run.data}; ${run.path}`;
    at("one-state").dataset.state = run.state;
    at("one-state").textContent = found.saving ? "saving" : WORDS[run.state] + (found.place ? `, place ${found.place}` : "");
    at("one-progress").textContent = found.progress || (run.state === "done" ? run.figure : "");
    at("stop").hidden = !["running", "waiting"].includes(run.state);
    at("stop").disabled = found.saving;
    at("resume").hidden = !["stopped", "interrupted", "failed"].includes(run.state);
    put("one-drawn", found.drawn); put("one-ending", found.ending);
    at("one-said-box").hidden = !found.said.length;
    at("one-said").textContent = found.said.join("\n");
    at("after").hidden = run.state !== "done";
    put("worth", found.worth); put("judged", found.jobs.judge.html); put("exported", found.jobs.export.html);
    at("judge").disabled = found.jobs.judge.live; at("export").disabled = found.jobs.export.live;
    const base = `${API}/runs/${run.id}`;
    at("report").hidden = !found.report; at("report").href = `${base}/files/report.html`;
    at("model-zip").href = `${base}/model.zip`; at("export-zip").href = `${base}/export.zip`;
    at("export-zip").hidden = !found.exported;
    at("one-commands").textContent = found.commands.join("\n");
    const texts = found.sees === "texts";
    at("try-line").hidden = !texts;
    at("try-says").textContent = { texts: "Drop a table or a text file, or press to choose one",
      series: "Drop a table with a series, or press to choose one" }[found.sees] || "Drop a picture, or press to choose one";
    if (found.spoken && found.spoken !== spokenOf) say(spokenOf = found.spoken);
  }
  const act = (name) => async () => {
    const id = shown;
    try { await post(`/runs/${id}/${name}`); } catch (wrong) { complain("one-ending", wrong); return; }
    if (id === shown) follow();
  };
  async function tryOne(body, name) {
    if (!body || (body.size !== undefined ? !body.size : !body.trim())) return;
    const id = shown, path = `/runs/${id}/ask${name ? `?name=${encodeURIComponent(name)}` : ""}`;
    lastInput = { body, name };
    at("tried").innerHTML = "<p class=\"note\">The model is asked …</p>"; at("drawings").replaceChildren();
    at("inside").hidden = true; at("inside-page").hidden = true;
    try {
      const found = await ask(path, { method: "POST", body });
      if (id !== shown) return;
      at("tried").innerHTML = found.html; at("inside").hidden = false; say(found.spoken);
    } catch (wrong) { if (id === shown) complain("tried", wrong); }
  }
  async function inside() {
    const id = shown, { body, name } = lastInput || {};
    at("inside").disabled = true;
    try {
      const found = await ask(`/runs/${id}/inside${name ? `?name=${encodeURIComponent(name)}` : ""}`, { method: "POST", body });
      if (id !== shown) return;
      const fresh = `?${Date.now()}`;
      at("drawings").replaceChildren(...found.drawings.map(({ file, caption }) => {
        const figure = make("figure"), picture = make("img");
        picture.addEventListener("load", () => picture.classList.toggle("small", picture.naturalWidth < 160));
        picture.src = file + fresh; picture.alt = caption; figure.append(picture, make("figcaption", caption));
        return figure;
      }));
      at("inside-page").href = found.page; at("inside-page").hidden = false;
    } catch (wrong) { if (id === shown) complain("tried", wrong); }
    at("inside").disabled = false;
  }

  // 6. Wiring.
  function zone(box, input, take) {
    box.addEventListener("click", (event) => { if (event.target !== input) input.click(); });
    box.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); input.click(); } });
    for (const kind of ["dragover", "dragleave", "drop"]) box.addEventListener(kind, (event) => {
      event.preventDefault(); box.classList.toggle("over", kind === "dragover"); });
    box.addEventListener("drop", (event) => take(event.dataTransfer.items, event.dataTransfer.files));
    input.addEventListener("change", () => { take(null, input.files); input.value = ""; });
  }
  const flat = (files) => [...files].map((file) => [file, file.webkitRelativePath || file.name]);
  function wire() {
    zone(at("drop"), at("files"), async (items, files) => arrive(items ? await opened(items) : flat(files)));
    zone(at("try-drop"), at("try-file"), (items, files) => { if (files[0]) tryOne(files[0], files[0].name); });
    at("choose-folder").addEventListener("click", () => at("folder-files").click());
    at("folder-files").addEventListener("change", (event) => { arrive(flat(event.target.files)); event.target.value = ""; });
    at("browse").addEventListener("click", () => (at("browser").hidden ? browse(facts.here) : (at("browser").hidden = true)));
    at("look").addEventListener("click", look);
    at("data").addEventListener("change", look);
    for (const one of document.querySelectorAll("[data-column]")) one.addEventListener("change", look);
    for (const id of ["size", "variant", "epochs", "name", "horizon", "pretrained"]) at(id).addEventListener("change", ready);
    at("train").addEventListener("click", train);
    at("begin-new").addEventListener("click", () => open(""));
    for (const name of ["stop", "resume", "judge", "export"]) at(name).addEventListener("click", act(name));
    at("try-ask").addEventListener("click", () => tryOne(at("try-text").value, ""));
    at("inside").addEventListener("click", inside);
    for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  }

  async function begin() {
    at("studio").hidden = false;
    wire();
    try { facts = await ask("/start"); } catch (wrong) { complain("trouble", wrong); return; }
    at("root").textContent = facts.root;
    at("known").replaceChildren(...[...facts.samples.map((one) => [`sample:${one.name}`, one.what]),
      ...facts.drops.map((one) => [one.where, `${one.files} files dropped`])].map(([value, words]) => {
        const option = make("option", words); option.value = value; return option; }));
    systems();
    shelf(facts.runs);
    const wanted = location.hash.slice(1);
    if (facts.runs.some((run) => run.id === wanted)) open(wanted);
  }
  if (at("studio")) begin();
})();
