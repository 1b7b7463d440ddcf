// The shop works without this script. It shows on cached pages, which hold
// nothing personal, how many things are in this browser's cart; it keeps a form
// from being sent twice by an impatient finger; and it has a form answered with
// the page itself, in one round trip, where the shop would else name its address.
// Such a page's address is put in place of the form's: to load it again, or to
// come back to it, sends nothing again.
// What adds to the cart is given a new key at each press, as a cached page cannot
// bring one: however often the browser then sends that form, it adds once.
(() => {
  const address = document.body.dataset.address;
  if (address) {
    history.replaceState(null, "", address);
  }
  const badge = document.querySelector("[data-cart-count]");
  try {
    if (badge && badge.dataset.cartCount) {
      localStorage.setItem("cart_count", badge.dataset.cartCount);
    } else if (badge && Number(localStorage.getItem("cart_count")) > 0) {
      badge.textContent = String(Number(localStorage.getItem("cart_count")));
    }
  } catch {
    // Storage is switched off: the badge stays empty.
  }
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "yes";
    const key = event.target.querySelector("input[data-fresh]");
    if (key) {
      key.value = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    }
    if (event.target.method === "post" && !event.target.elements.answer) {
      const answer = document.createElement("input");
      Object.assign(answer, { type: "hidden", name: "answer", value: "page" });
      event.target.append(answer);
    }
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
      delete form.dataset.sent;
    }
  });
  const wrong = document.getElementById("wrong");
  if (wrong) {
    wrong.focus();
  }
})();
// For who asks for it: about what prices are in another currency, by reference
// rates. Cached pages hold nothing of it, and nothing is charged by it.
(() => {
  const box = document.querySelector("[data-rates]");
  const prices = document.querySelectorAll("[data-price]");
  if (!box || prices.length === 0) {
    return;
  }
  const own = box.dataset.currency;
  const locale = document.documentElement.lang;
  const choice = box.querySelector("select");
  const note = box.querySelector("[data-note]");
  const key = "also_in";
  const print = (value, currency) => {
    const rough = value >= 20 ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {};
    return new Intl.NumberFormat(locale, { style: "currency", currency, ...rough }).format(value);
  };
  let loading;
  const load = () => {
    loading ??= fetch(box.dataset.rates).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)));
    loading.catch(() => { loading = undefined; });
    return loading;
  };
  const clear = () => {
    for (const old of document.querySelectorAll("[data-price] > .about")) {
      old.remove();
    }
    note.hidden = true;
  };
  const show = async (to) => {
    clear();
    if (!to || to === own) {
      return;
    }
    const table = await load();
    const rateOf = (currency) => (currency === table.base ? { rate: "1" } : table.rates[currency]);
    const from = rateOf(own);
    const into = rateOf(to);
    if (!from || !into || choice.value !== to) {
      return;
    }
    clear();
    for (const price of prices) {
      const about = document.createElement("small");
      about.className = "about";
      about.textContent = box.dataset.about.replace("{amount}", () => print((Number(price.dataset.price) / Number(from.rate)) * Number(into.rate), to));
      price.append(" ", about);
    }
    const day = [from.day, into.day].filter(Boolean).sort()[0];
    const written = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: "UTC" }).format(new Date(day));
    note.textContent = note.dataset.note.replace("{day}", () => written).replace("{source}", () => table.source);
    const missed = Math.max(from.missed ?? 0, into.missed ?? 0);
    if (missed > Number(note.dataset.unsaid)) {
      note.append(document.createElement("br"), note.dataset.missed.replace("{missed}", () => String(missed)));
    }
    note.hidden = false;
  };
  const names = new Intl.DisplayNames(locale, { type: "currency" });
  for (const option of choice.options) {
    if (option.value) {
      option.textContent = `${names.of(option.value)} (${option.value})`;
    }
  }
  try {
    choice.value = localStorage.getItem(key) || "";
    choice.selectedIndex = Math.max(choice.selectedIndex, 0);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
  choice.addEventListener("change", () => {
    try {
      localStorage.setItem(key, choice.value);
    } catch {
      // As above.
    }
    show(choice.value).catch(clear);
  });
  box.hidden = false;
  show(choice.value).catch(clear);
})();
