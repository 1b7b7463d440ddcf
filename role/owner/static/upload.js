// Without this script pictures are sent by the plain form. With it they are sent
// in parts, by tus 1.0 (https://tus.io/protocols/resumable-upload): what breaks
// off goes on where it was, also after the page was closed.
(() => {
  const form = document.querySelector("form[data-grants]");
  const list = document.querySelector(".sending");
  const says = document.getElementById("sending-says");
  if (!form || !list || !says) {
    return;
  }
  const { grants, uploads, own } = form.dataset;
  const most = Number(form.dataset.most);
  const input = form.querySelector("input[type=file]");
  const part = 4 * 1024 * 1024; // bytes that are sent at once
  const atOnce = 2; // pictures
  const longestWait = 30; // seconds between two tries
  const prefix = "meridian upload ";
  const added = [];
  const rows = new Map(); // by key: the uploads on this page
  const queue = [];
  let running = 0;

  // A failure that another try does not mend.
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

  function make(tag, properties, ...children) {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  }

  class Upload {
    constructor(key, name, size, file) {
      Object.assign(this, { key, name, size, file, stopped: false, offset: 0, request: null, wake: null });
      this.bar = make("progress", { max: size, value: 0, ariaLabel: `Sent of ${name}` });
      this.told = make("span", { className: "told" });
      this.go = make("button", { type: "button", className: "plain" });
      this.end = make("button", { type: "button", className: "quiet", textContent: "Give up" });
      this.end.setAttribute("aria-label", `Give up ${name}`);
      this.end.addEventListener("click", () => this.giveUp());
      this.go.addEventListener("click", () => (this.file ? (this.stopped ? this.resume() : this.pause()) : input.click()));
      this.row = make("li", {}, make("span", { className: "name", textContent: name }), this.bar, this.told, make("span", { className: "acts" }, this.go, this.end));
      list.hidden = false;
      list.append(this.row);
      rows.set(key, this);
    }

    tell(text, kind = "") {
      this.told.textContent = text;
      this.row.className = kind;
    }

    button(text) {
      this.go.hidden = !text;
      this.go.textContent = text;
      this.go.setAttribute("aria-label", `${text} ${this.name}`);
    }

    progress(sent) {
      this.bar.value = sent;
      this.tell(`${sizeText(sent)} of ${sizeText(this.size)}, ${Math.floor((100 * sent) / this.size)} %`);
    }

    pause() {
      this.stopped = true;
      this.request?.abort();
      this.wake?.();
      this.button("Go on");
      this.tell(`Paused at ${Math.floor((100 * this.offset) / this.size)} %`, "waits");
    }

    resume() {
      this.stopped = false;
      this.button("Pause");
      this.tell("Waits for its turn");
      queue.push(this);
      next();
    }

    giveUp() {
      const known = remembered(this.key);
      this.stopped = true;
      this.request?.abort();
      this.wake?.();
      remember(this.key, null);
      rows.delete(this.key);
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
        this.request = r;
        r.open(method, url);
        for (const [name, value] of Object.entries(headers)) {
          r.setRequestHeader(name, value);
        }
        r.upload.onprogress = (e) => body instanceof Blob && !this.stopped && this.progress(this.offset + e.loaded);
        r.onabort = () => fail(new Stopped());
        r.onerror = r.ontimeout = () => fail(new Lost("The connection was lost"));
        r.onload = () => {
          if (r.status >= 200 && r.status < 300) {
            done(r);
          } else if (r.status >= 500 || [408, 409, 421, 423, 425, 429].includes(r.status)) {
            fail(new Lost(detail(r.responseText, "The connection was lost")));
          } else {
            fail(Object.assign(new Refused(detail(r.responseText, "It was refused")), { status: r.status }));
          }
        };
        r.send(body);
      });
    }

    tus(method, url, headers = {}, body = null) {
      return this.send(method, url, { "Tus-Resumable": "1.0.0", Authorization: this.known.authorization, ...headers }, body);
    }

    async begin() {
      const given = await this.send("POST", grants, { Accept: "application/json" });
      if (!given.getResponseHeader("Content-Type")?.startsWith("application/json")) {
        throw new Refused("Your session has ended. Sign in again, then choose the file again.");
      }
      this.known = JSON.parse(given.responseText);
      const made = await this.tus("POST", uploads, { "Upload-Length": String(this.size), "Upload-Metadata": `filename ${encode(this.name)}` });
      this.known.url = new URL(made.getResponseHeader("Location"), location.href).pathname;
      this.offset = 0;
      remember(this.key, this.known);
    }

    // where asks how much has come; an upload that is not there any more begins anew.
    async where() {
      this.known = remembered(this.key);
      if (!this.known) {
        return this.begin();
      }
      try {
        const r = await this.tus("HEAD", this.known.url);
        this.offset = Number(r.getResponseHeader("Upload-Offset"));
        this.id = r.getResponseHeader("Meridian-Media-Id");
      } catch (e) {
        if (!(e instanceof Refused) || ![403, 404, 410].includes(e.status)) {
          throw e;
        }
        remember(this.key, null);
        await this.begin();
      }
    }

    async run() {
      let wait = 1;
      this.button("Pause");
      while (!this.stopped) {
        try {
          await this.where();
          this.progress(this.offset);
          while (!this.id) {
            const r = await this.tus("PATCH", this.known.url, { "Upload-Offset": String(this.offset), "Content-Type": "application/offset+octet-stream" }, this.file.slice(this.offset, this.offset + part));
            this.offset = Number(r.getResponseHeader("Upload-Offset"));
            this.id = r.getResponseHeader("Meridian-Media-Id");
            remember(this.key, { ...this.known, offset: this.offset });
            wait = 1;
            if (this.stopped) {
              throw new Stopped();
            }
          }
          return this.done();
        } catch (e) {
          if (e instanceof Stopped || this.stopped) {
            return;
          }
          if (!(e instanceof Lost)) {
            return this.refused(e instanceof Refused ? e.message : `It went wrong: ${e.message}`);
          }
          this.tell(`${e.message.replace(/\.$/, "")}. ${Math.floor((100 * this.offset) / this.size)} % is kept; trying again in ${wait} s.`, "waits");
          await new Promise((go) => {
            this.wake = go;
            setTimeout(go, wait * 1000);
          });
          wait = Math.min(2 * wait, longestWait);
        }
      }
    }

    done() {
      remember(this.key, null);
      rows.delete(this.key);
      added.push(this.id);
      this.bar.value = this.size;
      this.end.hidden = true;
      this.button("");
      this.tell("Taken in", "done");
    }

    refused(why) {
      remember(this.key, null);
      rows.delete(this.key);
      this.button("");
      this.end.textContent = "Dismiss";
      this.tell(why, "fault");
      says.textContent = `${this.name}: ${why}`;
    }
  }

  async function next() {
    while (running < atOnce && queue.length > 0) {
      running++;
      queue.shift().run().finally(() => {
        running--;
        next();
      });
    }
    if (running === 0 && added.length > 0 && rows.size === 0) {
      says.textContent = `Taken in: ${added.length}`;
      if (!list.querySelector(".fault")) {
        location.assign(`${own}?added=${added.join(".")}`);
      }
    }
  }

  function take(files) {
    for (const file of files) {
      const key = keyOf(file);
      const before = rows.get(key);
      if (before && before.file) {
        continue; // under way
      }
      const u = before || new Upload(key, file.name, file.size, file);
      u.file = file;
      if (file.size === 0 || file.size > most) {
        u.refused(file.size === 0 ? "The file is empty." : `It has more than ${sizeText(most)}. Send a smaller one.`);
        continue;
      }
      u.resume();
    }
    form.reset();
  }

  // Uploads that a closed page has left.
  function left() {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      const known = key.startsWith(prefix) && remembered(key);
      const match = /^(\d+) \d+ (.*)$/.exec(key.slice(prefix.length));
      if (!known || !match) {
        continue;
      }
      const u = new Upload(key, match[2], Number(match[1]), null);
      u.known = known;
      u.offset = u.bar.value = known.offset || 0;
      u.button("Choose the file again");
      const tell = () => u.file || u.tell(`Interrupted at ${Math.floor((100 * u.offset) / u.size)} %. Choose the same file again: it goes on from there.`, "waits");
      tell();
      u.tus("HEAD", known.url).then((r) => {
        u.offset = u.bar.value = Number(r.getResponseHeader("Upload-Offset"));
        tell();
      }, (e) => {
        if (e instanceof Refused && !u.file) {
          u.giveUp(); // it has expired
        }
      });
    }
  }

  form.querySelector("button").hidden = true;
  const drop = form.querySelector(".drop");
  drop.hidden = false;
  input.addEventListener("change", () => take(input.files));
  form.addEventListener("submit", (e) => e.preventDefault());
  const panel = form.closest("section");
  for (const name of ["dragenter", "dragover"]) {
    panel.addEventListener(name, (e) => {
      e.preventDefault();
      panel.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    panel.addEventListener(name, (e) => (name === "drop" || !panel.contains(e.relatedTarget)) && panel.classList.remove("over"));
  }
  panel.addEventListener("drop", (e) => {
    e.preventDefault();
    take(e.dataTransfer.files);
  });
  window.addEventListener("online", () => rows.forEach((u) => u.wake?.()));
  window.addEventListener("beforeunload", (e) => running > 0 && e.preventDefault());
  try {
    left();
  } catch {
    // Storage is switched off.
  }
})();
