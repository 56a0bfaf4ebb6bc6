// Lights up a mark together with its row of the table; the page is complete without it.
for (const event of ["mouseover", "mouseout", "focusin", "focusout"]) {
  document.addEventListener(event, (e) => {
    const at = e.target instanceof Element ? e.target.closest("a.mark, tr[data-row]") : null;
    if (!at) return;
    const on = event === "mouseover" || event === "focusin";
    for (const other of document.querySelectorAll("[data-row]")) {
      if (other.dataset.row === at.dataset.row) other.classList.toggle("lit", on);
    }
  });
}
