// The picture brought to life: axes to choose, figures on a touch, parts to enlarge. It is complete without this.
"use strict";
for (const figure of document.querySelectorAll("figure.picture")) {
  const all = (selector) => [...figure.querySelectorAll(selector)];
  const form = figure.querySelector("form.controls");
  const views = figure.querySelector(".views");
  const tip = figure.querySelector(".tip");
  const whole = figure.querySelector("button.whole");

  // Of two choices one drawing in two sizes; what one of the two lacks is not offered.
  const chosen = (name, fallback) => (form.elements[name] ? form.elements[name].value : fallback);
  const first = figure.querySelector(".view").dataset;
  const show = () => {
    const cost = chosen("cost", first.cost);
    const fits = all(".view").filter((view) => view.dataset.cost === cost);
    const accuracy = chosen("accuracy", first.accuracy);
    const wanted = fits.find((view) => view.dataset.accuracy === accuracy) || fits[0];
    for (const view of all(".view")) view.hidden = view !== wanted;
    reset();
  };
  form.addEventListener("change", show);
  form.addEventListener("submit", (e) => e.preventDefault());

  // What the browser would show after a while is shown at once, in the page's own style.
  for (const mark of all(".mark > title")) {
    const [name, ...lines] = mark.textContent.trim().split("\n");
    mark.parentElement.dataset.name = name;
    mark.parentElement.dataset.told = lines.join("\n");
    mark.parentElement.setAttribute("aria-label", [name, ...lines].join(", "));
    mark.remove();
  }
  const tell = (mark) => {
    tip.replaceChildren();
    tip.hidden = !mark;
    if (!mark) return;
    const name = tip.appendChild(document.createElement("strong"));
    name.textContent = mark.dataset.name;
    for (const line of mark.dataset.told.split("\n")) {
      tip.appendChild(document.createElement("span")).textContent = line;
    }
    const box = views.getBoundingClientRect();
    const at = mark.getBoundingClientRect();
    const middle = at.left + at.width / 2 - box.left;
    const left = Math.min(Math.max(middle - tip.offsetWidth / 2, 0), box.width - tip.offsetWidth);
    const above = at.top - box.top - tip.offsetHeight - 10;
    tip.style.left = `${Math.max(left, 0)}px`;
    tip.style.top = `${above + box.top < 0 ? at.bottom - box.top + 10 : above}px`;
  };
  const marked = (e) => (e.target instanceof Element ? e.target.closest(".mark") : null);
  views.addEventListener("pointerover", (e) => tell(marked(e)));
  views.addEventListener("pointerleave", () => tell(null));
  views.addEventListener("focusin", (e) => tell(marked(e)));
  views.addEventListener("focusout", () => tell(null));

  // Enlarging: everything that stands at a place moves there anew; strokes, marks and letters keep their size.
  const home = new Map();
  const place = (item) => {
    if (!home.has(item)) {
      const matrix = item.transform.baseVal.numberOfItems ? item.transform.baseVal.getItem(0).matrix : { e: 0, f: 0 };
      home.set(item, [matrix.e, matrix.f]);
    }
    return home.get(item);
  };
  const scale = (svg, zoom) => {
    const [left, top, right, base] = svg.dataset.frame.split(" ").map(Number);
    const kx = (right - left) / (zoom[2] - zoom[0]);
    const ky = (base - top) / (zoom[3] - zoom[1]);
    const x = (value) => left + (value - zoom[0]) * kx;
    const y = (value) => top + (value - zoom[1]) * ky;
    const inside = (value, low, high) => value >= low - 0.5 && value <= high + 0.5;
    svg.classList.toggle("zoomed", kx > 1.01 || ky > 1.01);
    svg.classList.toggle("near", kx > 2 || ky > 2);
    for (const item of svg.querySelectorAll(".mark, .label, .tick, .source, g.majority")) {
      const [atX, atY] = place(item);
      const along = item.matches(".tick.x, .source");
      const up = item.matches(".tick.y, g.majority");
      const to = [up ? 0 : x(atX), along ? 0 : y(atY)];
      item.setAttribute("transform", `translate(${to[0]} ${to[1]})`);
      if (item.matches(".tick")) {
        item.classList.toggle("outside", along ? !inside(to[0], left, right) : !inside(to[1], top, base));
      }
    }
    for (const path of svg.querySelectorAll(".front")) {
      path.setAttribute("transform", `matrix(${kx} 0 0 ${ky} ${left - zoom[0] * kx} ${top - zoom[1] * ky})`);
    }
    svg.zoom = zoom;
  };
  function reset() {
    tell(null);
    whole.hidden = true;
    for (const svg of all("svg.plot")) if (svg.zoom) scale(svg, svg.dataset.frame.split(" ").map(Number));
  }
  whole.addEventListener("click", reset);
  views.addEventListener("dblclick", reset);

  let drag = null;
  const point = (svg, e) => {
    const [left, top, right, base] = svg.dataset.frame.split(" ").map(Number);
    const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [Math.min(Math.max(at.x, left), right), Math.min(Math.max(at.y, top), base)];
  };
  const drawn = () => {
    const [[a, b], [c, d]] = [drag.from, drag.to];
    return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
  };
  views.addEventListener("pointerdown", (e) => {
    const svg = e.target instanceof Element ? e.target.closest("svg.plot") : null;
    if (!svg || e.pointerType !== "mouse" || e.button !== 0 || marked(e)) return;
    e.preventDefault();
    drag = { svg, from: point(svg, e), to: point(svg, e) };
    drag.box = svg.appendChild(document.createElementNS(svg.namespaceURI, "rect"));
    drag.box.setAttribute("class", "drag");
  });
  addEventListener("pointermove", (e) => {
    if (!drag) return;
    drag.to = point(drag.svg, e);
    const [left, top, right, base] = drawn();
    for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: base - top })) {
      drag.box.setAttribute(name, value);
    }
  });
  addEventListener("pointerup", () => {
    if (!drag) return;
    const { svg } = drag;
    drag.box.remove();
    const [left, top, right, base] = drawn();
    drag = null;
    if (right - left < 12 || base - top < 12) return;
    const frame = svg.dataset.frame.split(" ").map(Number);
    const old = svg.zoom || frame;
    // From places on the paper to places of the whole picture.
    const x = (value) => old[0] + ((value - frame[0]) / (frame[2] - frame[0])) * (old[2] - old[0]);
    const y = (value) => old[1] + ((value - frame[1]) / (frame[3] - frame[1])) * (old[3] - old[1]);
    tell(null);
    whole.hidden = false;
    scale(svg, [x(left), y(top), x(right), y(base)]);
  });

  form.hidden = form.childElementCount === 0;
  for (const hint of all(".hint")) hint.hidden = false;
  figure.dataset.ready = "yes";
}
