// What a chapter's page does besides marimo: the plain text goes when the running one is there, the place is
// remembered, and the page says when the book was started again.
(() => {
  "use strict";
  const slug = location.pathname.split("/").slice(2, 4).join("/");
  const root = document.getElementById("root");
  const waiting = document.getElementById("waiting");

  // 1. The running chapter takes the place of the plain one, at the same place of the page.
  const shown = () => root && root.querySelector(".objectives");
  const swap = () => {
    if (!waiting || !shown()) return false;
    const at = window.scrollY;
    waiting.remove();
    document.documentElement.setAttribute("data-running", "");
    window.scrollTo({ top: at, behavior: "instant" });
    arrive();
    return true;
  };
  if (root && !swap()) {
    const watch = new MutationObserver(() => { if (swap()) watch.disconnect(); });
    watch.observe(root, { childList: true, subtree: true });
  }

  if (document.documentElement.hasAttribute("data-static")) return; // nobody would answer

  // The row above the chapter.
  const code = document.querySelector(".tools .show-code");
  if (code && new URLSearchParams(location.search).get("show-code") === "true") {
    code.textContent = "Hide the code";
    code.setAttribute("href", location.pathname);
  }
  const copy = document.querySelector(".tools .copy");
  const said = document.querySelector(".tools .said");
  if (copy) copy.addEventListener("click", async () => {
    copy.disabled = true;
    said.textContent = "The editor is starting …";
    const tab = window.open("", "_blank"); // at once, or the browser takes it for a pop-up
    try {
      const body = JSON.stringify({ slug: copy.dataset.slug });
      const answer = await fetch("/api/copies", { method: "POST", body });
      if (!answer.ok) throw new Error("refused");
      const { address, path } = await answer.json();
      if (tab) tab.location = address;
      said.textContent = "";
      const link = document.createElement("a");
      link.href = address;
      link.target = "_blank";
      link.textContent = "Open the editor";
      said.append("Your copy is ", path, ". ", link);
    } catch {
      if (tab) tab.close();
      said.textContent = "The editor did not start.";
    }
    copy.disabled = false;
  });
  document.addEventListener("book-theme", () => location.reload()); // marimo takes its theme from the page

  // 2. Where the reader is: the last heading above the middle of the window.
  const headings = () => [...document.querySelectorAll("#root h2[id], #root h3[id]")];
  let told = "";
  let timer = 0;
  const tell = () => {
    const above = headings().filter((one) => one.getBoundingClientRect().top < window.innerHeight / 2);
    const anchor = above.length ? above[above.length - 1].id : "";
    if (anchor === told) return;
    told = anchor;
    const body = JSON.stringify({ slug, anchor });
    fetch("/api/position", { method: "POST", body, headers: { "Content-Type": "application/json" }, keepalive: true })
      .catch(() => {});
  };
  window.addEventListener("scroll", () => { clearTimeout(timer); timer = setTimeout(tell, 800); }, { passive: true });

  function arrive() {
    if (document.documentElement.hasAttribute("data-static")) return;
    const wanted = new URLSearchParams(location.search).get("at");
    let tries = 0;
    const go = () => {
      const target = wanted && document.getElementById(wanted);
      if (target) target.scrollIntoView();
      else if (wanted && (tries += 1) < 20) setTimeout(go, 150);
      setTimeout(tell, 1200);
    };
    go();
  }

  // 3. What was passed since the page was made, when the reader comes to the list or to the end.
  const mark = async () => {
    try {
      const { passed, of } = await (await fetch(`/api/passed/${slug}`, { cache: "no-store" })).json();
      for (const row of document.querySelectorAll("#root [data-exercise]")) {
        const sign = row.querySelector("b");
        if (sign) sign.hidden = !passed.includes(row.dataset.exercise);
      }
      for (const line of document.querySelectorAll("#root .next .counted")) {
        line.textContent = `${passed.length} of ${of} exercises of this chapter are passed.`;
      }
    } catch { /* the note at the foot of the page says that the book does not answer */ }
  };
  const seen = new IntersectionObserver((entries) => { if (entries.some((one) => one.isIntersecting)) mark(); });
  const marked = () => {
    const places = document.querySelectorAll("#root .objectives, #root .next");
    for (const place of places) seen.observe(place);
    if (places.length < 2) setTimeout(marked, 500);
  };
  marked();

  // 4. The server may have died and been started again: then this page has lost its kernel.
  let started = null;
  let note = null;
  const say = (text, again) => {
    if (note) note.remove();
    note = null;
    if (!text) return;
    note = document.createElement("div");
    note.className = "book-note";
    note.setAttribute("role", "status");
    note.append(text + " ");
    if (again) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Load the page again";
      button.addEventListener("click", () => location.reload());
      note.append(button);
    }
    document.body.append(note);
  };
  const ask = async () => {
    try {
      const answer = await fetch("/api/health", { cache: "no-store" });
      const now = (await answer.json()).started;
      if (started !== null && now !== started) {
        say("The book was started again. What you passed and typed is kept; training that ran was saved.", true);
        return;
      }
      started = now;
      say("");
    } catch {
      say("The book does not answer. If you have closed it, start it again with: glassworks book", false);
    }
  };
  ask();
  setInterval(ask, 4000);
})();
