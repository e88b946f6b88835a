// Buttons and the state on top, below them the results that Python drew. The page says every few seconds that
// it is still there; while nobody looks, Python follows no run.
function render({ model, el, kit }) {
  const make = kit.make, plan = model.get("plan"), able = kit.alive() && plan.runs;
  const say = (word) => model.send({ do: word });
  const start = make("button", { type: "button", class: "main", onclick: () => say("start") });
  const quick = make("button", { type: "button", onclick: () => say("quick") }, "Quick run");
  const stop = make("button", { type: "button", onclick: () => say("stop") }, "Stop");
  const state = make("p", { class: "state" });
  const status = make("pre", { tabindex: "0", "aria-label": "what the lab says" });
  const aloud = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const results = make("div", { class: "drawing" });
  const head = kit.name("lab");
  const buttons = able ? make("div", { class: "buttons" }, start, quick, stop) : null;
  const box = make("section", { class: "box lab", "aria-labelledby": head },
    make("h3", { id: head }, `Lab: ${plan.claim}`), results, buttons, state, status, aloud,
    make("details", {}, make("summary", {}, "The same in a terminal"),
      make("pre", { tabindex: "0" }, make("code", {}, plan.command))));
  el.append(box);

  const showState = () => {
    const now = model.get("state"), live = ["waiting", "running", "stopping"].includes(now);
    const focused = box.getRootNode().activeElement;
    start.hidden = quick.hidden = live;
    stop.hidden = !live;
    stop.disabled = now === "stopping";
    start.textContent = now === "idle" ? `Run it here (${plan.takes})` : "Run it again";
    state.textContent = plan.words[now] ?? "";
    state.hidden = !state.textContent;
    if ((focused === start || focused === quick) && live) stop.focus();
    if (focused === stop && !live) start.focus();
  };
  const showStatus = () => {
    status.textContent = model.get("status");
    status.hidden = !model.get("status");
  };
  const ends = [
    kit.follow(model, ["state"], showState),
    kit.follow(model, ["status"], showStatus),
    kit.follow(model, ["drawn"], () => { results.innerHTML = model.get("drawn"); }),
    kit.follow(model, ["spoken"], () => { aloud.textContent = model.get("spoken"); }),
  ];
  if (!able) return () => ends.forEach((end) => end());
  const here = () => { if (document.visibilityState === "visible") say("here"); };
  here();
  const clock = setInterval(here, 5000);
  document.addEventListener("visibilitychange", here);
  return () => {
    clearInterval(clock);
    document.removeEventListener("visibilitychange", here);
    ends.forEach((end) => end());
  };
}
