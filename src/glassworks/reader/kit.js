// What all scripts of the book share. Small on purpose: Python computes, scripts show.
const kit = {
  // An element: make("button", { type: "button", onclick: f, class: "main" }, "Check")
  make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  },

  // Call `show` now and whenever one of the traits changes; returns a function that ends it.
  follow(model, traits, show) {
    for (const trait of traits) model.on(`change:${trait}`, show);
    show();
    return () => { for (const trait of traits) model.off(`change:${trait}`, show); };
  },

  unique: 0,
  name(word) { kit.unique += 1; return `gw-${word}-${kit.unique}`; },

  // The address of the page remembers what a reader moved, so that a situation can be sent to somebody.
  remembered(key) {
    try { return new URLSearchParams(location.hash.slice(1)).get(key); } catch { return null; }
  },
  remember(key, text) {
    try {
      const kept = new URLSearchParams(location.hash.slice(1));
      if (text === null) kept.delete(key); else kept.set(key, text);
      const hash = kept.toString();
      history.replaceState(history.state, "", location.pathname + location.search + (hash ? `#${hash}` : ""));
    } catch { /* a page without an address of its own */ }
  },

  // True while Python may answer. A static page has no kernel; it is marked by the one who wrote it.
  alive() { return !document.documentElement.hasAttribute("data-static"); },
};
