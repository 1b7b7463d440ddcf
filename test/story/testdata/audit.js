// The value of this expression is a list of what is wrong with the page: empty for a good one.
(() => {
  const wrong = [];
  const show = (e) => e.outerHTML.replace(/\s+/g, " ").slice(0, 140);
  const visible = (e) => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };

  const headings = [...document.querySelectorAll("h1")].filter(visible);
  if (headings.length !== 1) {
    wrong.push(`it has ${headings.length} first headings`);
  }
  if (!document.documentElement.lang || !document.title) {
    wrong.push("it has no language or no title");
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    const widest = [...document.body.querySelectorAll("*")].reduce((a, e) => (e.getBoundingClientRect().right > a.getBoundingClientRect().right ? e : a));
    wrong.push(`it is ${document.documentElement.scrollWidth} wide on a screen of ${innerWidth}: ${show(widest)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) {
    wrong.push(`two elements have the id ${id}`);
  }

  // Names: what a control is called by who hears the page.
  const byIds = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
  const nameOf = (e) =>
    (e.getAttribute("aria-labelledby") && byIds(e.getAttribute("aria-labelledby"))) ||
    e.getAttribute("aria-label") ||
    [...(e.labels ?? [])].map((l) => l.textContent).join(" ") ||
    (e.matches("a, button, summary") && (e.textContent.trim() || [...e.querySelectorAll("img")].map((i) => i.alt).join(" "))) ||
    e.title ||
    "";
  for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, progress")) {
    if (visible(e) && !nameOf(e).trim()) {
      wrong.push(`it has no name: ${show(e)}`);
    }
  }
  for (const e of document.images) {
    if (!e.hasAttribute("alt") || !(e.getAttribute("width") > 0 && e.getAttribute("height") > 0)) {
      wrong.push(`it has no alt, or no width and height: ${show(e).slice(0, 90)}`);
    }
  }
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    for (const id of `${e.getAttribute("aria-describedby") ?? ""} ${e.getAttribute("aria-labelledby") ?? ""}`.trim().split(/\s+/)) {
      if (!document.getElementById(id)) {
        wrong.push(`it names ${id}, which is not there: ${show(e)}`);
      }
    }
  }

  // Targets (WCAG 2.2, 2.5.8): 24 by 24 pixels, or so far from others that a
  // circle of 24 around the middle meets none. Links within a sentence are exempt.
  const inText = (e) => e.matches("a") && getComputedStyle(e).display === "inline" && e.parentElement.textContent.trim().length > e.textContent.trim().length;
  const stretched = (e) => getComputedStyle(e, "::after").position === "absolute"; // over the card that it is in
  const targets = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
    .filter((e) => visible(e) && !e.closest(".skip, .mbar"))
    .map((e) => {
      const r = e.getBoundingClientRect();
      return { e, r, x: r.x + r.width / 2, y: r.y + r.height / 2, small: r.width < 24 || r.height < 24 };
    });
  const far = (a, b) =>
    b.small
      ? Math.hypot(a.x - b.x, a.y - b.y) >= 24
      : Math.hypot(Math.max(b.r.left - a.x, 0, a.x - b.r.right), Math.max(b.r.top - a.y, 0, a.y - b.r.bottom)) >= 12;
  for (const t of targets) {
    if (t.small && !inText(t.e) && !stretched(t.e) && !targets.every((other) => other === t || other.e.contains(t.e) || far(t, other))) {
      wrong.push(`${Math.round(t.r.width)} × ${Math.round(t.r.height)} is too small a target: ${show(t.e)}`);
    }
  }

  // Contrast of every text against what lies behind it, as far as that is a colour.
  const read = (text) => {
    const n = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return { rgb: n.slice(0, 3), alpha: n[3] ?? 1 };
  };
  const over = (top, below) => top.rgb.map((c, i) => c * top.alpha + below[i] * (1 - top.alpha));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") {
        return null;
      }
      layers.push(read(style.backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(e) || !visible(e) || e.closest(".mbar, .hidden, script, style, svg")) {
      continue;
    }
    seen.add(e);
    const behind = ground(e);
    if (!behind) {
      continue;
    }
    const style = getComputedStyle(e);
    if (read(style.color).alpha === 0) {
      continue; // not there to be seen
    }
    const [a, b] = [light(over(read(style.color), behind)), light(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      wrong.push(`contrast ${ratio.toFixed(2)}: ${show(e)}`);
    }
  }
  return wrong;
})()
