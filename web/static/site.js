// The shop works without this script. It shows on cached pages, which hold
// nothing personal, how many things are in this browser's cart; and it keeps
// a form from being sent twice by an impatient finger.
(() => {
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
