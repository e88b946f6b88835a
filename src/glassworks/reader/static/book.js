// What the plain pages do besides being read: the theme, closing the menu, filters, the timeline, taking in progress.
// Every page works without it. On chapter pages only the theme and the menu are of use.
(() => {
  "use strict";
  const root = document.documentElement;
  root.setAttribute("data-script", "");

  // 1. Theme: system, light or dark, kept in a cookie so that the server can say it to chapters at once.
  const THEMES = ["system", "light", "dark"];
  const chosen = () => (document.cookie.match(/(?:^|;\s*)theme=(light|dark)(?:;|$)/) || [])[1] || "system";
  const wear = (theme) => {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
  };
  wear(chosen()); // before the page is painted

  const themes = () => {
    const button = document.querySelector(".bar .theme");
    if (!button) return;
    const say = () => {
      button.querySelector("span").textContent = `Theme: ${chosen()}`;
      button.setAttribute("aria-label", `Theme: ${chosen()}`);
      button.title = `Theme: ${chosen()}`;
    };
    button.hidden = false;
    say();
    button.addEventListener("click", () => {
      const theme = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
      const age = theme === "system" ? 0 : 31536000;
      document.cookie = `theme=${theme}; path=/; max-age=${age}; samesite=strict`;
      wear(theme);
      say();
      document.dispatchEvent(new CustomEvent("book-theme", { detail: theme }));
    });
  };

  // 2. The menu closes by Escape, by a click elsewhere, and when the focus leaves it.
  const menus = () => {
    const menu = document.querySelector(".bar .menu");
    if (!menu) return;
    const close = (focus) => {
      if (menu.open && focus) menu.querySelector("summary").focus();
      menu.open = false;
    };
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && menu.open) close(true); });
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) close(false); });
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget)) close(false);
    });
  };

  // Hide groups of a list whose every item is hidden.
  const tidy = () => {
    for (const group of document.querySelectorAll("[data-group]")) {
      group.hidden = ![...group.querySelectorAll("dl > div, li")].some((one) => !one.hidden);
    }
  };

  // 3. The field above the glossary.
  const filters = () => {
    const field = document.querySelector("[data-filter]");
    if (!field) return;
    const items = [...document.querySelectorAll(field.dataset.filter)];
    const status = field.parentElement.querySelector("[role=status]");
    const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    const words = items.map((item) => plain([...item.children].slice(0, 2).map((one) => one.textContent).join(" ")));
    field.parentElement.hidden = false;
    field.addEventListener("input", () => {
      const wanted = plain(field.value).split(/\s+/).filter(Boolean);
      items.forEach((item, number) => { item.hidden = !wanted.every((word) => words[number].includes(word)); });
      const left = items.filter((item) => !item.hidden).length;
      status.textContent = wanted.length ? `${left} of ${items.length}` : "";
      tidy();
    });
  };

  // 4. The timeline: one tab stop, arrows walk from point to point, what is chosen is told below; narrowing in place.
  const timeline = () => {
    const form = document.querySelector("[data-timeline]");
    const told = document.querySelector(".told");
    if (!form || !told) return;
    const shown = () => [...document.querySelectorAll(".point")].filter((point) => point.offsetParent !== null);
    let current = null;
    const tell = (point) => {
      if (current) current.setAttribute("aria-pressed", "false");
      current = point;
      for (const other of document.querySelectorAll(".point")) other.tabIndex = other === point ? 0 : -1;
      point.setAttribute("aria-pressed", "true");
      const entry = document.getElementById(point.dataset.work);
      told.replaceChildren(...[...entry.childNodes].map((node) => node.cloneNode(true)));
    };
    const first = () => { const points = shown(); if (points.length && !points.includes(current)) points[0].tabIndex = 0; };
    for (const point of document.querySelectorAll(".point")) {
      point.setAttribute("role", "button");
      point.setAttribute("aria-pressed", "false");
      point.tabIndex = -1;
      point.addEventListener("click", (event) => { event.preventDefault(); tell(point); });
      point.addEventListener("focus", () => tell(point));
    }
    first();
    document.querySelector(".chart").addEventListener("keydown", (event) => {
      const points = shown();
      const at = points.indexOf(document.activeElement);
      if (at < 0) return;
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -at, End: points.length - 1 - at };
      if (event.key === " ") { event.preventDefault(); tell(points[at]); }
      if (!(event.key in steps)) return;
      event.preventDefault();
      const next = points[Math.min(points.length - 1, Math.max(0, at + steps[event.key]))];
      next.focus();
    });
    const items = [...document.querySelectorAll(".years li")];
    const narrow = () => {
      const domain = form.elements.domain.value;
      const used = form.elements.used.checked;
      for (const item of items) {
        const row = item.dataset;
        item.hidden = Boolean((domain && row.domain !== domain) || (used && row.used !== "1"));
        const point = points.get(item.id);
        if (point) point.hidden = item.hidden;
      }
      for (const row of document.querySelectorAll(".chart .row")) {
        row.hidden = ![...row.querySelectorAll(".point")].some((point) => !point.hidden);
      }
      tidy();
      first();
      const left = items.filter((item) => !item.hidden).length;
      form.querySelector("[role=status]").textContent = left < items.length ? `${left} of ${items.length}` : "";
    };
    const points = new Map([...document.querySelectorAll(".point")].map((point) => [point.dataset.work, point]));
    const ask = () => {
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      location.replace(`${location.pathname}${String(query) ? `?${query}` : ""}`);
    };
    // A page whose address narrows it down does not hold the rest, so that one is asked for anew.
    form.addEventListener("change", location.search ? ask : narrow);
    form.addEventListener("submit", (event) => event.preventDefault());
    if (!location.search) narrow(); // a browser may have kept the choice over a reload
    form.querySelector("button").hidden = true;
  };

  // 5. Taking in a progress file from another machine.
  const merging = () => {
    const field = document.getElementById("merge");
    if (!field) return;
    const status = field.parentElement.querySelector("[role=status]");
    field.parentElement.hidden = false;
    field.addEventListener("change", async () => {
      if (!field.files.length) return;
      try {
        const answer = await fetch("/api/progress", { method: "POST", body: field.files[0] });
        status.textContent = answer.ok ? "Taken in." : "This is not a progress file of the book.";
      } catch {
        status.textContent = "The book does not answer. Is it still running?";
      }
    });
  };

  const begin = () => { themes(); menus(); filters(); timeline(); merging(); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
