// Choosing a city goes there at once; the button stays for those without script.
(() => {
  const bar = document.querySelector(".mbar");
  const city = document.getElementById("mbar-city");
  if (!bar || !city) return;
  bar.classList.add("mbar-js");
  // Arrow keys walk the list: wait until the choice is made, by pointer, Enter or leaving.
  const start = city.value;
  const go = () => { if (city.value !== start) city.form.requestSubmit(); };
  let typing = false;
  city.addEventListener("keydown", (e) => { typing = e.key !== "Enter"; if (!typing) go(); });
  city.addEventListener("change", () => { if (!typing) go(); });
  city.addEventListener("blur", go);
})();
