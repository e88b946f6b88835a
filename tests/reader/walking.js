// The eyes and hands of the browser tests: they enter shadow roots, which plain selectors do not.
window.look = (() => {
  const violations = [];
  document.addEventListener("securitypolicyviolation",
    (event) => violations.push(`${event.violatedDirective}: ${event.blockedURI || event.sourceFile}`));

  const all = (root = document) => [...root.querySelectorAll("*")].flatMap(
    (element) => element.shadowRoot ? [element, ...all(element.shadowRoot)] : [element]);
  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null;
  const above = (element) => { const line = []; for (let e = element; e; e = up(e)) line.push(e); return line; };
  const styles = new WeakMap();
  const style = (element) => {
    if (!styles.has(element)) styles.set(element, getComputedStyle(element));
    return styles.get(element);
  };
  const shut = (element) => {  // made invisible for eyes, kept for ears
    if (!/absolute|fixed/.test(style(element).position)) return false;
    const box = element.getBoundingClientRect();
    return (box.width <= 1.5 && box.height <= 1.5) || style(element).clip !== "auto" || box.bottom < 0;
  };
  const seen = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && !above(element).some(shut);
  };
  const words = (text, most = 50) => (text || "").replace(/\s+/g, " ").trim().slice(0, most);
  const told = (element) => {
    const place = above(element).map((e) => e.querySelector?.(":scope > h3, :scope > h2")?.textContent).find(Boolean);
    const cls = element.getAttribute("class");
    return `${element.tagName.toLowerCase()}${cls ? "." + cls.trim().split(/\s+/).slice(0, 3).join(".") : ""}`
      + ` "${words(element.textContent || element.value)}"${place ? ` in "${words(place, 40)}"` : ""}`;
  };

  // ---- nothing is cut, nothing sticks out
  const scrolls = (element) => /auto|scroll/.test(style(element).overflowX);
  const overflowing = () => {
    const wide = innerWidth, page = document.scrollingElement, found = new Map();
    const report = (element, what) => { if (!found.has(element)) found.set(element, `${what}: ${told(element)}`); };
    const floats = (element) => /absolute|fixed/.test(style(element).position);  // a menu hangs below its button
    for (const element of all()) {
      if (/^(script|style|head|html|body|meta|link|title|option|br)$/i.test(element.tagName) || !seen(element)) continue;
      const line = above(element), box = element.getBoundingClientRect();
      const inside = line.slice(1).find(scrolls);  // its scroll box
      const drawing = element.closest("svg");  // it cuts its own shapes; those of a root in a formula are endless
      const cuts = drawing && drawing !== element && style(drawing).overflowX !== "visible";
      if (!inside && !cuts && (box.right > wide + 1 || box.left < -1)) report(element, "sticks out of the window");
      if (element instanceof SVGElement) {
        const svg = element.closest("svg"), outer = svg?.getBoundingClientRect();
        if (element.tagName === "text" && style(svg).overflowX !== "visible"
            && (box.left < outer.left - 2 || box.right > outer.right + 2
                || box.top < outer.top - 3 || box.bottom > outer.bottom + 3))
          report(element, "is cut by its drawing");
        continue;
      }
      const cut = /hidden|clip/.test(style(element).overflowX) && style(element).textOverflow !== "ellipsis";
      const own = style(element).display !== "inline" && element.clientWidth > 0 && !scrolls(element);
      if (own && !inside && element.scrollWidth > element.clientWidth + 2) {
        const culprit = [...all(element), ...(element.shadowRoot ? all(element.shadowRoot) : [])].some((one) =>
          seen(one) && one.getBoundingClientRect().right > box.right + 2 && !above(one).some(floats)
            && !above(one).slice(1).some((e) => scrolls(e) && element.contains(e)));
        const cuts = cut && element.tagName !== "INPUT";
        if (culprit || cuts) report(element, `${cuts ? "cuts" : "is narrower than"} what it holds`);
      }
    }
    const outer = new Set([...found.keys()].flatMap((element) => above(element).slice(1)));
    const faults = [...found].filter(([element]) => !outer.has(element)).map(([, words]) => words);
    if (page.scrollWidth > wide) faults.push(`the page is ${page.scrollWidth} wide in a window of ${wide}`);
    return faults;
  };

  // ---- targets for a finger
  const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab]";
  const inText = (link) => {  // a link in running text has words beside it
    const block = above(link).slice(1).find((e) => style(e).display !== "inline" && style(e).display !== "contents");
    return link.tagName === "A" && block && block.matches("p, li, dd, dt, td, th, figcaption, blockquote, span, div, cite, h1, h2, h3")
      && style(link).display === "inline" && (words(block.textContent, 9999).length > words(link.textContent, 9999).length
        || block.matches("dt, h1, h2, h3, td"));
  };
  const smallTargets = () => all().filter((e) => e.matches(CONTROLS) && seen(e) && !inText(e)).flatMap((element) => {
    const target = element.matches("input[type=radio], input[type=checkbox]") && element.labels?.[0] || element;
    const box = target.getBoundingClientRect();
    const narrow = box.width < 43.5 && !element.matches("a");
    return box.height < 43.5 || narrow ? [`${Math.round(box.width)}x${Math.round(box.height)}: ${told(target)}`] : [];
  });

  // ---- contrast of text, with the colours that are used
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const colour = (text) => {  // [r, g, b, alpha]
    if (!known.has(text)) {
      const alpha = /^rgba?\(/.test(text) && text.includes(",") ? Number(text.match(/[\d.]+/g)[3] ?? 1) : null;
      if (alpha !== null) known.set(text, [...text.match(/[\d.]+/g).slice(0, 3).map(Number), alpha]);
      else {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        known.set(text, [r, g, b, a / 255]);
      }
    }
    return known.get(text);
  };
  const over = (top, below, share = 1) => {
    const a = top[3] * share;
    return [0, 1, 2].map((n) => top[n] * a + below[n] * (1 - a)).concat(1);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (line) => line.reverse().reduce((below, e) => over(colour(style(e).backgroundColor), below),
    matchMedia("(prefers-color-scheme: dark)").matches && style(document.documentElement).colorScheme.includes("dark")
      ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  const shapesUnder = (text) => {  // what an SVG has painted below the middle of a text
    const svg = text.ownerSVGElement, box = text.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2, found = [];
    for (const shape of svg.querySelectorAll("rect, circle, path, polygon, ellipse")) {
      if (text.compareDocumentPosition(shape) & Node.DOCUMENT_POSITION_FOLLOWING) break;
      const fill = style(shape).fill;
      if (fill === "none" || fill.startsWith("url")) continue;
      const point = new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse());
      if (shape.isPointInFill(point)) found.push([colour(fill), Number(style(shape).fillOpacity) * Number(style(shape).opacity)]);
    }
    return found;
  };
  const pale = () => {
    const found = new Set(), checked = new Set();
    const roots = [document, ...all().filter((e) => e.shadowRoot).map((e) => e.shadowRoot)];
    for (const root of roots) {
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.data.trim() || !element || checked.has(element)) continue;
        checked.add(element);
        if (/^(script|style|noscript|option|title)$/i.test(element.tagName) || !seen(element)) continue;
        const line = above(element);
        if (line.some((e) => e.matches("button:disabled, input:disabled, [aria-disabled=true], fieldset:disabled"))) continue;
        if (line.some((e) => /url\(|gradient/.test(style(e).backgroundImage))) continue;
        const drawn = element instanceof SVGElement;
        let below = ground([...line]);
        if (drawn) for (const [fill, share] of shapesUnder(element)) below = over(fill, below, share);
        const share = line.reduce((product, e) => product * Number(style(e).opacity), 1);
        const pen = over(colour(drawn ? style(element).fill : style(element).color), below,
          share * (drawn ? Number(style(element).fillOpacity) : 1));
        const [low, high] = [light(pen), light(below)].sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < 4.5 - 0.005)
          found.add(`${contrast.toFixed(2)}: ${told(element)}, ${pen.slice(0, 3).map(Math.round)} on ${below.slice(0, 3).map(Math.round)}`);
      }
    }
    return [...found];
  };

  // ---- hands
  const after = (change, happened, what, patience = 60000) => new Promise((done, failed) => {
    const start = performance.now();
    const ask = () => {
      if (happened()) done(null);
      else if (performance.now() - start > patience) failed(new Error(what));
      else setTimeout(ask, 15);
    };
    change();
    ask();
  });
  const boxes = (kind = "") => all().filter((e) => e.matches("section.box" + kind));
  const figures = () => boxes(":not(.exercise, .lab, .training)").filter((e) => e.querySelector(".drawing"));
  const move = (box) => {  // the first control, to another value
    const able = (chosen) => [...box.querySelectorAll(`.controls ${chosen}`)].filter((e) => !e.disabled);
    const control = able("input, select, button")[0];
    if (!control) return null;
    if (control.type === "range") {
      control.value = control.value === control.max ? control.min : control.max;
      control.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (control.type === "radio") able("input[type=radio]").find((e) => e.name === control.name && !e.checked).click();
    else if (control.tagName === "SELECT") {
      control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
      control.dispatchEvent(new Event("change", { bubbles: true }));
    } else (able("button.main")[0] ?? control).click();
    return control;
  };
  const title = (box) => box.querySelector("h3").textContent;
  // Every figure's first control is moved once; returns the titles of those that did not answer.
  const moveFigures = async () => {
    const stiff = [];
    for (const box of figures()) {
      const drawing = box.querySelector(".drawing"), before = drawing.innerHTML;
      try {
        await after(() => move(box), () => drawing.innerHTML !== before && !drawing.classList.contains("busy"), title(box));
      } catch { stiff.push(title(box)); }
    }
    return { moved: figures().length, stiff };
  };
  // Every exercise is answered once, rightly or not; returns those that say nothing.
  const answerExercises = async () => {
    const silent = [];
    for (const box of boxes(".exercise")) {
      const radio = box.querySelector("input[type=radio]"), number = box.querySelector("input[type=text]");
      const result = box.querySelector(".result");
      if (radio) radio.click();
      if (number) { number.value = "1"; number.dispatchEvent(new Event("input")); }
      const check = [...box.querySelectorAll("button.main")].at(0);
      try { await after(() => check.click(), () => !result.hidden, title(box)); }
      catch { silent.push(`${title(box)}: ${words(box.querySelector(".question").textContent)}`); }
    }
    return { answered: boxes(".exercise").length, silent };
  };
  // Labs, training and own data: what can be pressed without starting minutes of work.
  const touchOthers = async () => {
    for (const box of boxes(":is(.lab, .training)")) {
      for (const one of box.querySelectorAll("summary")) one.click();
      for (const one of box.querySelectorAll("select, input[type=number]")) one.dispatchEvent(new Event("change", { bubbles: true }));
      const add = [...box.querySelectorAll("button")].find((e) => e.textContent === "Add a class");
      const classes = () => box.querySelectorAll(".class").length, before = classes();
      if (add) await after(() => add.click(), () => classes() > before, title(box));
    }
  };
  const unfold = () => { for (const one of all()) if (one.matches("details")) one.open = true; };
  const ready = () => {
    const widgets = [...document.querySelectorAll("marimo-anywidget")];
    return document.documentElement.hasAttribute("data-running") && document.querySelectorAll("#root .works").length >= 2
      && widgets.length > 0 && widgets.every((e) => e.shadowRoot?.querySelector("section.box"));
  };
  const focused = () => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
  };
  const focusShown = () => {  // an outline on what has the focus, or on what stands around it
    const element = focused();
    if (!element || element === document.body) return false;
    const line = above(element).slice(0, 4);
    const outlined = (e) => style(e).outlineStyle !== "none" && parseFloat(style(e).outlineWidth) >= 1;
    const shadowed = (e) => style(e).boxShadow !== "none";
    const drawn = element instanceof SVGElement
      && [...element.querySelectorAll("*")].some((e) => style(e).stroke !== "none" && parseFloat(style(e).strokeWidth) >= 3);
    return outlined(element) || shadowed(element) || drawn || line.some((e) => e.matches("label, .paper, .sheet, .editor") && (outlined(e) || shadowed(e)));
  };
  return { violations, all, seen, told, overflowing, smallTargets, pale, moveFigures, answerExercises, touchOthers, unfold, ready,
    figures, boxes, move, title, after, focused, focusShown };
})();
