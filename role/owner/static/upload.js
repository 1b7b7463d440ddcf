// Without this script pictures are sent by the plain form. With it they are sent
// in parts, by tus 1.0 (https://tus.io/protocols/resumable-upload): what breaks
// off goes on where it was, also after the page was closed.
(() => {
  const form = document.querySelector("form[data-grants]");
  const list = document.querySelector(".sending");
  const says = document.getElementById("sending-says");
  const more = document.getElementById("sending-more");
  if (!form || !list || !says || !more) {
    return;
  }
  const { grants, uploads, own } = form.dataset;
  const most = Number(form.dataset.most);
  const input = form.querySelector("input[type=file]");
  const part = 4 * 1024 * 1024; // bytes that are sent at once
  const atOnce = 2; // pictures
  const longestWait = 30; // seconds between two tries
  const patience = 60; // seconds in which nothing moves
  const mostTold = 50; // pictures that the next page is told of
  const prefix = "meridian upload ";
  const added = [];
  const rows = new Map(); // by key: the uploads of this page that have not ended
  const queue = [];
  let running = 0;
  let wanted = null; // the upload whose file is being looked for

  // Refused is a failure that another try does not mend, Lost one that it may.
  class Refused extends Error {}
  class Lost extends Error {}
  class Stopped extends Error {}

  const keyOf = (file) => `${prefix}${file.size} ${file.lastModified} ${file.name}`;
  const remember = (key, value) => {
    try {
      if (value) {
        localStorage.setItem(key, JSON.stringify(value));
      } else {
        localStorage.removeItem(key);
      }
    } catch {
      // Storage is switched off: an upload does not outlive the page.
    }
  };
  const remembered = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const sizeText = (n) => (n >= 1 << 20 ? `${(n / (1 << 20)).toFixed(1)} MB` : `${Math.max(1, Math.round(n / 1024))} KB`);
  const encode = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const detail = (text, otherwise) => {
    try {
      return JSON.parse(text).detail || otherwise;
    } catch {
      return otherwise;
    }
  };

  // say has a reader of the screen say something; what is seen stands in the rows.
  const say = (text) => (says.textContent = text);

  function make(tag, properties, ...children) {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  }

  class Upload {
    constructor(key, name, size, file) {
      Object.assign(this, { key, name, size, file, offset: 0, stopped: false, broken: false, trying: false, resumedAt: "", quarter: 0, request: null, hurry: null });
      this.title = make("span", { className: "name", textContent: name });
      this.bar = make("progress", { max: size, value: 0, ariaLabel: `Sent of ${name}` });
      this.told = make("span", { className: "told" });
      this.go = make("button", { type: "button", className: "plain" });
      this.end = make("button", { type: "button", className: "quiet" });
      this.end.addEventListener("click", () => this.giveUp());
      this.go.addEventListener("click", () => this.press());
      this.row = make("li", {}, this.title, this.bar, this.told, make("span", { className: "acts" }, this.go, this.end));
      this.label(this.end, "Give up");
      list.hidden = false;
      list.append(this.row);
      rows.set(key, this);
    }

    tell(text, kind = "") {
      this.told.textContent = text;
      this.row.className = kind;
    }

    label(button, text) {
      button.hidden = !text;
      button.textContent = text;
      button.setAttribute("aria-label", `${text} ${this.name}`);
    }

    get percent() {
      return `${Math.floor((100 * this.offset) / this.size)} %`;
    }

    // press does what the first button offers.
    press() {
      if (!this.file) {
        wanted = this;
        input.click();
      } else if (this.hurry) {
        this.hurry();
      } else if (this.stopped) {
        this.resume();
      } else if (!this.trying) {
        this.pause();
      }
    }

    // progress shows how much has been sent; a listener hears of every quarter.
    progress(sent) {
      this.bar.value = sent;
      const now = Math.floor((100 * sent) / this.size);
      this.tell(`${this.resumedAt && `Resumed at ${this.resumedAt}. `}${sizeText(sent)} of ${sizeText(this.size)}, ${now} %`);
      const quarter = Math.floor(now / 25);
      if (quarter > this.quarter && now < 100) {
        say(`${this.name}: ${now} % sent`);
      }
      this.quarter = quarter;
    }

    pause() {
      this.stopped = this.broken = true;
      this.request?.abort();
      this.label(this.go, "Go on");
      this.bar.value = this.offset;
      this.tell(`Paused at ${this.percent}`, "waits");
      say(`${this.name}: paused at ${this.percent}`);
    }

    resume() {
      this.stopped = this.trying = false;
      this.label(this.go, "Pause");
      this.label(this.end, "Give up");
      this.tell("Waits for its turn");
      rows.set(this.key, this);
      queue.push(this);
      next();
    }

    giveUp() {
      const known = rows.has(this.key) && remembered(this.key);
      this.stopped = true;
      this.request?.abort();
      this.hurry?.();
      if (rows.delete(this.key)) {
        remember(this.key, null);
      }
      this.row.remove();
      list.hidden = list.childElementCount === 0;
      if (known) {
        const r = new XMLHttpRequest();
        r.open("DELETE", known.url);
        r.setRequestHeader("Tus-Resumable", "1.0.0");
        r.setRequestHeader("Authorization", known.authorization);
        r.send(); // one that is lost expires by itself
      }
      input.focus();
    }

    send(method, url, headers, body) {
      return new Promise((done, fail) => {
        const r = new XMLHttpRequest();
        let still = 0;
        let silent = false;
        const moves = () => {
          clearTimeout(still);
          still = setTimeout(() => {
            silent = true;
            r.abort();
          }, patience * 1000);
        };
        this.request = r;
        r.open(method, url);
        for (const [name, value] of Object.entries(headers)) {
          r.setRequestHeader(name, value);
        }
        r.upload.onprogress = (e) => {
          moves();
          if (body instanceof Blob && !this.stopped) {
            this.progress(this.offset + e.loaded);
          }
        };
        r.onloadend = () => clearTimeout(still);
        r.onabort = () => fail(silent ? new Lost("nothing was heard for a minute") : new Stopped());
        r.onerror = () => fail(new Lost("the connection was lost"));
        r.onload = () => {
          if (r.status >= 200 && r.status < 300) {
            done(r);
          } else if ([502, 503, 504].includes(r.status)) {
            fail(new Lost("no answer came"));
          } else if (r.status >= 500 || [408, 409, 421, 423, 425, 429].includes(r.status)) {
            fail(new Lost(detail(r.responseText, "the connection was lost")));
          } else {
            fail(Object.assign(new Refused(detail(r.responseText, "It was refused.")), { status: r.status }));
          }
        };
        moves();
        r.send(body);
      });
    }

    tus(method, url, headers = {}, body = null) {
      return this.send(method, url, { "Tus-Resumable": "1.0.0", Authorization: this.known.authorization, ...headers }, body);
    }

    // begin makes the upload. The same right makes it once, however often it is shown.
    async begin() {
      if (!this.known) {
        const given = await this.send("POST", grants, { Accept: "application/json" });
        if (!given.getResponseHeader("Content-Type")?.startsWith("application/json")) {
          throw new Refused("Your session has ended. Sign in in another tab, then try again.");
        }
        this.known = JSON.parse(given.responseText);
      }
      const made = await this.tus("POST", uploads, { "Upload-Length": String(this.size), "Upload-Metadata": `filename ${encode(this.name)}` });
      this.known.url = new URL(made.getResponseHeader("Location"), location.href).pathname;
      this.offset = 0;
      remember(this.key, this.known);
    }

    // where asks how much has come; an upload that is not there any more begins anew.
    async where() {
      this.known = remembered(this.key) || this.known;
      if (!this.known?.url) {
        return this.begin();
      }
      try {
        this.came(await this.tus("HEAD", this.known.url));
      } catch (e) {
        if (!(e instanceof Refused) || ![403, 404, 410].includes(e.status)) {
          throw e;
        }
        remember(this.key, null);
        this.known = null;
        await this.begin();
      }
    }

    // came reads how far the upload is, and what it has become at its end.
    came(answer) {
      this.offset = Number(answer.getResponseHeader("Upload-Offset"));
      this.id = answer.getResponseHeader("Meridian-Media-Id");
    }

    async run() {
      const since = { wait: 1 };
      while (!this.stopped) {
        try {
          await this.where();
          this.goesOn();
          await this.parts(since);
          return this.done();
        } catch (e) {
          if (e instanceof Stopped || this.stopped) {
            return;
          }
          if (!(e instanceof Lost)) {
            return this.refused(e instanceof Refused ? e.message : `It went wrong: ${e.message}`, e.status);
          }
          if (!(await this.readable())) {
            return this.refused("The file was changed or moved meanwhile. Choose it again.", 0);
          }
          await this.interrupted(e, since.wait);
          since.wait = Math.min(2 * since.wait, longestWait);
        }
      }
    }

    // goesOn tells from where, if this is not the beginning.
    goesOn() {
      this.trying = false;
      this.label(this.go, "Pause");
      this.quarter = Math.floor((4 * this.offset) / this.size);
      if (this.broken && this.offset > 0) {
        this.resumedAt = this.percent;
        say(`${this.name}: resumed at ${this.percent}`);
      }
      this.progress(this.offset);
    }

    async parts(since) {
      while (!this.id) {
        this.came(await this.tus("PATCH", this.known.url, { "Upload-Offset": String(this.offset), "Content-Type": "application/offset+octet-stream" }, this.file.slice(this.offset, this.offset + part)));
        remember(this.key, { ...this.known, offset: this.offset });
        since.wait = 1;
        if (this.stopped) {
          throw new Stopped();
        }
      }
    }

    // readable reports whether the file is still the one that was chosen.
    async readable() {
      try {
        await this.file.slice(0, 1).arrayBuffer();
        return true;
      } catch {
        return false;
      }
    }

    // interrupted waits until the next try, or until somebody is in a hurry. Who
    // presses a moment too late has what they want: it is being tried.
    async interrupted(why, wait) {
      this.broken = this.trying = true;
      this.bar.value = this.offset;
      const text = `Interrupted at ${this.percent}: ${why.message.replace(/\.$/, "")}.`;
      say(`${this.name}: ${text}`);
      this.label(this.go, "Try now");
      let hurried = false;
      for (let left = wait; left > 0 && !hurried && !this.stopped; left--) {
        this.tell(`${text} Trying again in ${left} s.`, "waits");
        hurried = await new Promise((go) => {
          this.hurry = () => go(true);
          setTimeout(go, 1000, false);
        });
      }
      this.hurry = null;
      if (!this.stopped) {
        this.tell(`${text} Trying again.`, "waits");
      }
    }

    done() {
      remember(this.key, null);
      rows.delete(this.key);
      added.push(this.id);
      this.bar.value = this.size;
      this.title.replaceChildren(make("a", { href: `${own}/${this.id}`, textContent: this.name }));
      this.label(this.go, "");
      this.label(this.end, "");
      this.tell("Taken in", "done");
      say(`${this.name}: taken in`);
    }

    // refused shows why. What is wrong with the file itself stays wrong.
    refused(why, status) {
      remember(this.key, null);
      rows.delete(this.key);
      this.known = null;
      this.stopped = true;
      this.label(this.go, [0, 400, 413, 415, 422].includes(status) ? "" : "Try again");
      this.label(this.end, "Dismiss");
      this.tell(why, "fault");
      say(`${this.name}: ${why}`);
    }

    // left is an upload that a closed page has left: its file has to be shown again.
    left(known) {
      this.known = known;
      this.broken = true;
      this.label(this.go, "Choose the file again");
      const tell = (offset) => {
        this.offset = this.bar.value = offset;
        this.tell(`Interrupted at ${this.percent}. Choose the same file again: it goes on from there.`, "waits");
      };
      tell(known.offset || 0);
      this.tus("HEAD", known.url).then(
        (r) => {
          if (this.file) {
            return;
          }
          const id = r.getResponseHeader("Meridian-Media-Id");
          if (id) {
            this.id = id;
            this.done();
          } else {
            tell(Number(r.getResponseHeader("Upload-Offset")));
          }
        },
        (e) => e instanceof Refused && !this.file && this.refused("It was not gone on with in time and has been removed. Choose the file to send it again.", 0),
      );
    }
  }

  function next() {
    while (running < atOnce && queue.length > 0) {
      running++;
      queue.shift().run().finally(() => {
        running--;
        next();
      });
    }
    if (running === 0 && added.length > 0 && ![...rows.values()].some((u) => u.file)) {
      ended();
    }
  }

  // ended shows the new pictures, or offers to where there is something else to read.
  function ended() {
    const to = `${own}?added=${added.slice(0, mostTold).join(".")}`;
    if (list.querySelector(".fault")) {
      more.hidden = false;
      more.querySelector("a").href = to;
    } else {
      location.assign(to);
    }
  }

  // unfit is why a file cannot be a picture that is taken; "" when it may be one.
  function unfit(file) {
    if (file.size === 0) {
      return "The file is empty.";
    }
    if (file.size > most) {
      return `It has ${sizeText(file.size)}, and the most is ${sizeText(most)}. Send a smaller one.`;
    }
    return file.type && !file.type.startsWith("image/") ? "This is not a picture." : "";
  }

  function take(files) {
    const chosen = new Set();
    for (const file of files) {
      const key = keyOf(file);
      chosen.add(key);
      const before = rows.get(key);
      if (before && before.file) {
        continue; // under way
      }
      const u = before || new Upload(key, file.name, file.size, file);
      u.file = file;
      const why = unfit(file);
      if (why) {
        u.refused(why, 0);
      } else {
        u.resume();
      }
    }
    if (wanted && !wanted.file && chosen.size > 0) {
      wanted.tell(`That was another file, which is sent by itself. Choose ${wanted.name} to go on at ${wanted.percent}.`, "waits");
    }
    wanted = null;
    form.reset();
  }

  // Uploads that a closed page has left.
  function findLeft() {
    const keys = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i)).filter((key) => key.startsWith(prefix));
    if (keys.length > 0) {
      say(`${keys.length === 1 ? "An upload was" : `${keys.length} uploads were`} interrupted: choose the same file again to go on`);
    }
    for (const key of keys) {
      const known = remembered(key);
      const match = /^(\d+) \d+ (.*)$/.exec(key.slice(prefix.length));
      if (known && match) {
        new Upload(key, match[2], Number(match[1]), null).left(known);
      }
    }
  }

  form.querySelector("button").hidden = true;
  form.querySelector(".drop").hidden = false;
  input.addEventListener("change", () => take(input.files));
  form.addEventListener("submit", (e) => e.preventDefault());

  // A file that misses the panel must not take the page's place: that would end
  // what is under way. So the whole page takes what is dropped.
  const panel = form.closest("section");
  const brings = (e) => e.dataTransfer?.types.includes("Files");
  for (const name of ["dragenter", "dragover"]) {
    window.addEventListener(name, (e) => {
      if (brings(e)) {
        e.preventDefault();
        panel.classList.add("over");
      }
    });
  }
  window.addEventListener("dragleave", (e) => e.relatedTarget === null && panel.classList.remove("over"));
  window.addEventListener("drop", (e) => {
    panel.classList.remove("over");
    if (brings(e)) {
      e.preventDefault();
      take(e.dataTransfer.files);
    }
  });
  window.addEventListener("online", () => rows.forEach((u) => u.hurry?.()));
  window.addEventListener("beforeunload", (e) => running > 0 && e.preventDefault());
  try {
    findLeft();
  } catch {
    // Storage is switched off.
  }
})();
