// The page without its picture: marks and rows that light up together, the circuit in sight, files to take away.
// The page is complete without it.
"use strict";
{
  const all = (selector) => [...document.querySelectorAll(selector)];

  for (const event of ["mouseover", "mouseout", "focusin", "focusout"]) {
    document.addEventListener(event, (e) => {
      const at = e.target instanceof Element ? e.target.closest("a.mark, tr[data-row]") : null;
      if (!at) return;
      const on = event === "mouseover" || event === "focusin";
      for (const other of all("[data-row]")) {
        if (other.dataset.row === at.dataset.row) other.classList.toggle("lit", on);
      }
    });
  }

  const pick = document.getElementById("pick");
  if (pick) {
    const keys = [...pick.options].map((option) => option.value);
    const bySize = () => {
      const group = pick.selectedOptions[0].parentElement;
      return [...group.children].map((option) => option.value);
    };
    const show = (key) => {
      if (!keys.includes(key)) return;
      pick.value = key;
      for (const article of all("article.circuit")) article.hidden = article.dataset.circuit !== key;
      for (const row of all("tr[data-row], a.mark")) row.classList.toggle("picked", row.dataset.row === key);
      const order = bySize();
      document.getElementById("smaller").disabled = order.indexOf(key) <= 0;
      document.getElementById("larger").disabled = order.indexOf(key) >= order.length - 1;
    };
    const step = (by) => show(bySize()[bySize().indexOf(pick.value) + by]);
    pick.addEventListener("change", () => show(pick.value));
    document.getElementById("smaller").addEventListener("click", () => step(-1));
    document.getElementById("larger").addEventListener("click", () => step(1));
    // Rows of the table and marks of the picture pick as well.
    document.addEventListener("click", (e) => {
      const at = e.target instanceof Element ? e.target.closest("a.mark, a.open") : null;
      if (!at || !at.dataset.row) return;
      e.preventDefault();
      show(at.dataset.row);
      document.getElementById("circuit").scrollIntoView();
    });
    document.querySelector(".chooser").hidden = false;
    show(pick.value);
  }

  // A file of the page's own embedded texts, saved without any network.
  const save = (name, type, parts) => {
    const address = URL.createObjectURL(new Blob(parts, { type }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  for (const button of all("button.download")) {
    const { blob, name, type } = button.dataset;
    button.addEventListener("click", () => {
      const text = document.getElementById(blob).textContent;
      if (type === "application/json") save(name, type, [JSON.stringify(JSON.parse(text), null, 1), "\n"]);
      else save(name, type, [Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
    });
  }
  document.documentElement.classList.add("scripted");
}
