// The shop works without this script. It shows on cached pages, which hold
// nothing personal, how many things are in this browser's cart; and it keeps
// a form from being sent twice by an impatient finger.
(() => {
  const found = /(?:^|; )cart_count=(\d{1,4})(?:;|$)/.exec(document.cookie);
  const badge = document.querySelector("[data-cart-count]");
  if (badge && found && found[1] !== "0") {
    badge.textContent = found[1];
  }
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
      delete form.dataset.sent;
    }
  });
  const summary = document.getElementById("wrong");
  if (summary) {
    summary.focus();
  }
})();
