// What every panel for own data shows: where files are dropped, and below that what Python says. Files travel
// in pieces; the next one is sent when Python has answered for the one before, so no message is large.
// about: {things, accept}; fill(kit of this panel) returns what is one kind's own: {top: elements, still: told
// whether a model learns now, tryOne: element, traits: what else is followed}
function ownPanel({ model, el, kit }, about, fill) {
  const make = kit.make, plan = model.get("plan"), alive = kit.alive(), { things } = about;
  const head = kit.name("own"), why = kit.name("why");
  const box = make("section", { class: "box own training", "aria-labelledby": head });
  el.append(box);
  const intro = [make("h3", { id: head }, plan.title), make("p", { class: "says" }, plan.says)];
  if (!alive) {
    box.append(...intro, make("p", { class: "note" }, "This page cannot compute. In the book on your own machine, ",
      `${things} are dropped here, `, "and nothing of them leaves that machine. ", plan.limits));
    return undefined;
  }

  // ---- asking Python, and waiting for its answer

  const waiting = new Map();
  const answered = (said) => {
    const key = said.token ?? (said.named ? `name ${said.named}` : `class ${said.class}`);
    waiting.get(key)?.(said);
  };
  model.on("msg:custom", answered);
  const ask = (key, content, buffers = []) => new Promise((done, failed) => {
    const late = setTimeout(() => { waiting.delete(key); failed(new Error("no answer")); }, 60000);
    waiting.set(key, (said) => { clearTimeout(late); waiting.delete(key); done(said); });
    model.send(content, undefined, buffers);
  });
  const say = (word, more = {}) => model.send({ do: word, ...more });

  // ---- files

  let count = 0, sending = false;
  const sendFile = async (file, key) => {
    const token = `${kit.name("file")}-${count += 1}`, size = file.size;
    let at = 0, said = null;
    do {  // also once for an empty file, and for one that is too large: Python says why it is refused
      const piece = size > plan.most_file ? new ArrayBuffer(0)
        : await file.slice(at, at + plan.piece).arrayBuffer();
      said = await ask(token, { do: "piece", token, key, name: file.name, size, at }, [piece]);
      if (said.done) return;
      at = said.at;
    } while (at < size);
  };
  // rows: [file, key of a class, or {class: name}]
  const sendAll = async (rows) => {
    if (sending || !rows.length) return;
    sending = true;
    say("begin");
    const keys = new Map();
    try {
      for (const [number, [file, where]] of rows.entries()) {
        busy.textContent = `Reading ${number + 1} of ${rows.length} …`;
        let key = where;
        if (typeof where === "object") {
          if (!keys.has(where.class)) {
            const said = await ask(`class ${where.class}`, { do: "class", name: where.class });
            keys.set(where.class, said.key);
          }
          key = keys.get(where.class);
        }
        if (key) await sendFile(file, key);
      }
      busy.textContent = "";
    } catch {
      busy.textContent = "A file could not be read, or the book does not answer. Reload the page and drop it again.";
    }
    sending = false;
    say("look");
  };
  const quiet = (name) => name.startsWith(".") || /^(thumbs\.db|desktop\.ini)$/i.test(name);
  // Files and folders of a drop as [file, path]; a browser gives a folder a hundred entries at a time.
  const dropped = async (transfer) => {
    const found = [], walk = async (entry) => {
      if (entry.isFile) {
        found.push([await new Promise((done, failed) => entry.file(done, failed)), entry.fullPath]);
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (!some.length) return;
        for (const one of some) await walk(one);
      }
    };
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return [...transfer.files].map((file) => [file, file.name]);
    for (const entry of entries) await walk(entry);
    return found;
  };
  const zone = (words, take, { folder = false, many = true } = {}) => {
    const input = make("input", { type: "file", hidden: true, tabindex: "-1", "aria-hidden": "true",
      multiple: many, accept: folder ? null : about.accept, webkitdirectory: folder });
    const button = make("button", { type: "button", class: "drop", onclick: () => input.click() }, words);
    input.addEventListener("change", () => {
      take([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
      input.value = "";
    });
    const over = (event) => { event.preventDefault(); button.classList.add("over"); };
    button.addEventListener("dragover", over);
    button.addEventListener("dragenter", over);
    button.addEventListener("dragleave", () => button.classList.remove("over"));
    button.addEventListener("drop", async (event) => {
      event.preventDefault();
      button.classList.remove("over");
      take(await dropped(event.dataTransfer));
    });
    return { button, input, box: make("div", { class: "zone" }, button, input) };
  };
  // A file that misses its zone must not replace the page.
  const missed = (event) => event.preventDefault();
  box.addEventListener("dragover", missed);
  box.addEventListener("drop", missed);

  // ---- what Python says

  const drawing = (trait, name) => {
    const place = make("div", { class: name });
    ends.push(kit.follow(model, [trait], () => {
      place.innerHTML = model.get(trait);
      place.hidden = !model.get(trait);
    }));
    return place;
  };
  const ends = [], busy = make("p", { class: "note", role: "status" });
  const refused = make("div", { class: "refused" });
  const train = make("button", { type: "button", class: "main", "aria-describedby": why, onclick: () => say("train") });
  const stop = make("button", { type: "button", onclick: () => say("stop") });
  const resume = make("button", { type: "button", onclick: () => say("resume") }, "Resume");
  const needed = make("p", { class: "note", id: why });
  const story = make("div"), how = make("details", {}, make("summary", {}, "How training went")), live = make("div");
  const judging = make("p", { role: "status" }, `Judging on the held-out ${things} …`);
  // One more file, of which the model is asked.
  const trying = async (found) => {
    if (!found.length || sending) return;
    sending = true;
    busy.textContent = "";
    try { say("begin"); await sendFile(found[0][0], ""); } catch { busy.textContent = "The book does not answer."; }
    sending = false;
  };
  const link = make("p"), words = make("p"), lines = make("pre", { tabindex: "0" });
  const hand = make("div", {}, make("h4", {}, "Take it along"), words, lines, link);
  const { top, still: quieten, tryOne, traits } = fill({ make, plan, say, ask, sendAll, trying, zone, quiet });
  const erase = make("button", { type: "button", class: "erase", onclick: () => { sure.hidden = false; really.focus(); } },
    `Delete my ${things}`);
  const really = make("button", { type: "button", class: "main", onclick: () => { sure.hidden = true; say("delete"); box.querySelector("button")?.focus(); } },
    "Delete them");
  const keep = make("button", { type: "button", onclick: () => { sure.hidden = true; erase.focus(); } }, "Keep them");
  const sure = make("div", { class: "sure", role: "group", "aria-label": `Delete my ${things}` },
    make("p", {}, `This deletes the copies of your ${things}, the model that learned from them and its report. Your own `,
      "files and what you downloaded stay."), make("div", { class: "buttons" }, really, keep));
  const aloud = make("p", { class: "unseen", role: "status", "aria-live": "polite" });

  box.append(...intro,
    make("p", { class: "note" }, `${plan.private} `, make("code", {}, plan.where), `. ${plan.limits}`),
    ...top, busy, refused, drawing("trouble", "trouble"),
    drawing("understood", "understood"), make("div", { class: "buttons" }, train, resume, stop), needed,
    live, judging, how, drawing("result", "result"), tryOne, drawing("answer", "answer"), hand, erase, sure, aloud);
  tryOne.after(box.querySelector(".answer"));
  how.append(story);
  sure.hidden = true;

  const showState = () => {
    const state = model.get("state"), working = ["waiting", "running", "stopping"].includes(state);
    const focused = box.getRootNode().activeElement, still = working || state === "judging";
    train.hidden = still;
    train.textContent = state === "idle" ? "Train" : "Train again";
    train.disabled = model.get("missing") !== "";
    needed.textContent = still ? "" : model.get("missing");
    stop.hidden = !working;
    stop.textContent = { waiting: "Leave the queue", stopping: "Stopping" }[state] ?? "Stop";
    stop.disabled = state === "stopping";
    resume.hidden = !["stopped", "interrupted"].includes(state);
    judging.hidden = state !== "judging";
    quieten(still);
    erase.hidden = model.get("set_id") === "";
    if (erase.hidden) sure.hidden = true;
    if (focused === train && working) stop.focus();
    if (focused === stop && !working && !train.hidden) train.focus();
    const finished = ["done", "judging"].includes(state);
    (finished ? story : live).innerHTML = model.get("drawn");
    (finished ? live : story).innerHTML = "";
    how.hidden = !finished || !model.get("drawn");
  };
  const showRefused = () => {
    const all = model.get("refused"), some = all.slice(0, 20);
    refused.hidden = !all.length;
    refused.replaceChildren(make("h4", {}, `${all.length} file${all.length === 1 ? " was" : "s were"} refused`),
      make("ul", {}, ...some.map((r) => make("li", {}, make("b", {}, r.name), ` ${r.reason}`))));
    if (all.length > some.length) refused.append(make("p", { class: "note" }, `and ${all.length - some.length} more`));
  };
  const showHanded = () => {
    const handed = model.get("handed");
    hand.hidden = tryOne.hidden = !handed.path;
    if (!handed.path) return;
    words.textContent = handed.words;
    lines.textContent = handed.lines;
    const inBook = location.pathname.startsWith("/book/");
    link.replaceChildren(...(inBook
      ? [make("a", { class: "download", href: `/api/own-data/${model.get("set_id")}/model.zip`, download: "" },
        `Download the model (${handed.size})`)]
      : ["The file: ", make("code", {}, handed.path), ` (${handed.size})`]));
  };
  ends.push(
    kit.follow(model, [...traits, "set_id", "state", "missing", "drawn"], showState),
    kit.follow(model, ["refused"], showRefused),
    kit.follow(model, ["handed"], showHanded),
    kit.follow(model, ["spoken"], () => { aloud.textContent = model.get("spoken"); }),
  );

  const here = () => { if (document.visibilityState === "visible") say("here"); };
  here();
  const clock = setInterval(here, 5000);
  document.addEventListener("visibilitychange", here);
  return () => {
    clearInterval(clock);
    document.removeEventListener("visibilitychange", here);
    model.off("msg:custom", answered);
    ends.forEach((end) => end());
  };
}
