// A picture's page works without this script: its fields are typed. With it they
// follow the pointer, and the likenesses follow the fields.
(() => {
  for (const e of document.querySelectorAll("[data-script]")) {
    e.hidden = false;
  }
  for (const e of document.querySelectorAll("[data-noscript]")) {
    e.hidden = true;
  }
  const byId = (id) => document.getElementById(id);
  const clamp = (n, low, high) => Math.min(Math.max(n, low), high);

  // place is where in the picture an event took place, each from 0 to 1.
  function place(stage, event) {
    const box = stage.getBoundingClientRect();
    return { x: clamp((event.clientX - box.left) / box.width, 0, 1), y: clamp((event.clientY - box.top) / box.height, 0, 1) };
  }

  function focus(stage) {
    const x = byId("focus-x");
    const y = byId("focus-y");
    const mark = byId("focus-mark");
    const { width, height } = stage.querySelector(".over").viewBox.baseVal;
    const draw = () => {
      const at = [x, y].map((f) => Number.parseFloat(f.value.replace(",", ".")) / 100);
      if (at.every((n) => n >= 0 && n <= 1)) {
        mark.setAttribute("transform", `translate(${at[0] * width} ${at[1] * height})`);
      }
    };
    const set = (event) => {
      const at = place(stage, event);
      x.value = String(Math.round(at.x * 1000) / 10);
      y.value = String(Math.round(at.y * 1000) / 10);
      draw();
    };
    stage.classList.add("live");
    stage.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      stage.setPointerCapture(event.pointerId);
      set(event);
    });
    stage.addEventListener("pointermove", (event) => stage.hasPointerCapture(event.pointerId) && set(event));
    x.addEventListener("input", draw);
    y.addEventListener("input", draw);
  }

  const turns = [
    () => "",
    (c) => `translate(${c.h} 0) rotate(90)`,
    (c) => `translate(${c.w} ${c.h}) rotate(180)`,
    (c) => `translate(0 ${c.w}) rotate(270)`,
  ];

  function crop(stage) {
    const fields = { x: byId("crop-x"), y: byId("crop-y"), w: byId("crop-w"), h: byId("crop-h") };
    const rotate = byId("rotate");
    const shade = byId("crop-shade");
    const part = byId("crop-part");
    const result = byId("crop-result");
    const all = { w: Number(byId("crop-form").dataset.width), h: Number(byId("crop-form").dataset.height) };
    const read = () => Object.fromEntries(Object.entries(fields).map(([k, f]) => [k, Number(f.value)]));
    const fits = (c) => Object.values(c).every(Number.isInteger) && c.x >= 0 && c.y >= 0 && c.w > 0 && c.h > 0 && c.x + c.w <= all.w && c.y + c.h <= all.h;

    function draw() {
      const c = read();
      if (!fits(c)) {
        return;
      }
      shade.setAttribute("d", `M0 0h${all.w}v${all.h}H0zM${c.x} ${c.y}v${c.h}h${c.w}v${-c.h}z`);
      for (const [name, value] of Object.entries({ x: c.x, y: c.y, width: c.w, height: c.h })) {
        part.setAttribute(name, value);
      }
      const turn = Number(rotate.value);
      const [w, h] = turn % 2 ? [c.h, c.w] : [c.w, c.h];
      result.setAttribute("viewBox", `0 0 ${w} ${h}`);
      result.setAttribute("width", w);
      result.setAttribute("height", h);
      const group = result.querySelector("g");
      group.setAttribute("transform", turns[turn](c));
      const inner = group.querySelector("svg");
      inner.setAttribute("width", c.w);
      inner.setAttribute("height", c.h);
      inner.setAttribute("viewBox", `${c.x} ${c.y} ${c.w} ${c.h}`);
    }

    function set(c) {
      for (const [k, f] of Object.entries(fields)) {
        f.value = String(c[k]);
      }
      draw();
    }

    // between is the part that two corners span.
    function between(a, b) {
      const x = Math.round(Math.min(a.x, b.x) * all.w);
      const y = Math.round(Math.min(a.y, b.y) * all.h);
      return { x, y, w: Math.max(1, Math.round(Math.max(a.x, b.x) * all.w) - x), h: Math.max(1, Math.round(Math.max(a.y, b.y) * all.h) - y) };
    }

    // grip is what a pointer has taken hold of: a corner, the part, or nothing,
    // which begins a new one.
    function grip(at) {
      const c = read();
      const box = stage.getBoundingClientRect();
      const near = { x: 16 / box.width, y: 16 / box.height };
      const left = c.x / all.w;
      const top = c.y / all.h;
      const right = (c.x + c.w) / all.w;
      const bottom = (c.y + c.h) / all.h;
      for (const [x, y, ox, oy] of [[left, top, right, bottom], [right, top, left, bottom], [left, bottom, right, top], [right, bottom, left, top]]) {
        if (Math.abs(at.x - x) < near.x && Math.abs(at.y - y) < near.y) {
          return (to) => set(between({ x: ox, y: oy }, to));
        }
      }
      const whole = c.w === all.w && c.h === all.h;
      if (!whole && at.x > left && at.x < right && at.y > top && at.y < bottom) {
        return (to) => set({ ...c, x: clamp(Math.round(c.x + (to.x - at.x) * all.w), 0, all.w - c.w), y: clamp(Math.round(c.y + (to.y - at.y) * all.h), 0, all.h - c.h) });
      }
      return (to) => (Math.abs(to.x - at.x) > near.x / 4 || Math.abs(to.y - at.y) > near.y / 4) && set(between(at, to));
    }

    let move = null;
    stage.classList.add("live");
    stage.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      stage.setPointerCapture(event.pointerId);
      move = grip(place(stage, event));
    });
    stage.addEventListener("pointermove", (event) => move?.(place(stage, event)));
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, () => (move = null));
    }
    for (const f of [...Object.values(fields), rotate]) {
      f.addEventListener("input", draw);
    }
  }

  const tools = { focus, crop };
  for (const stage of document.querySelectorAll("[data-stage]")) {
    tools[stage.dataset.stage](stage);
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) {
      continue; // the text can be selected and copied
    }
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(field.value);
        byId("copy-says").textContent = "Copied";
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 2000);
      } catch {
        field.select();
      }
    });
  }
})();
