// The live picture: unpacks the plotting library that the page carries and draws accuracy against cost.
// Where anything is missing the static picture stays.
"use strict";
(async () => {
  const packed = document.getElementById("library");
  const live = document.getElementById("live");
  if (!packed || !live || typeof DecompressionStream === "undefined") return;
  const front = JSON.parse(document.getElementById("front").textContent);
  const form = document.querySelector("form.controls");
  const bytes = Uint8Array.from(atob(packed.textContent), (c) => c.charCodeAt(0));
  const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const script = document.createElement("script");
  script.textContent = text; // runs, as its hash stands in the page's policy
  document.head.append(script);
  if (typeof Plotly === "undefined") return;

  const SYMBOLS = { design: "circle", tree: "triangle-up", square: "square", cross: "x-thin", plus: "cross-thin",
    published: "diamond-open", second: "square", third: "triangle-up", fourth: "diamond" };
  const DASHES = { tree: "7px,3px", square: "2px,3px" };
  const TITLES = { area: "area, cm²", "0.6": "static power at 0.6 V, mW", "1.0": "static power at 1.0 V, mW",
    delay: "delay at 0.6 V, ms" };
  const narrow = () => live.clientWidth < 560;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const safe = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  let picked = front.chosen;

  const known = (point, x, y) => point.x[x] !== null && point.x[x] !== undefined && point.y[y] !== null;
  // The smallest cost on a log axis stands for none at all.
  const floorOf = (x) => {
    const all = front.series.flatMap((s) => s.points.map((p) => p.x[x])).filter((v) => v > 0);
    return all.length ? Math.min(...all) / 2 : 0.001;
  };
  const edge = (points, x, y) => {
    const sorted = [...points].sort((a, b) => a.x[x] - b.x[x] || b.y[y] - a.y[y]);
    const kept = [];
    for (const p of sorted) if (!kept.length || p.y[y] > kept[kept.length - 1].y[y]) kept.push(p);
    return kept;
  };

  function view() {
    const x = form.elements.x.value;
    const y = form.elements.y.value;
    const least = floorOf(x);
    const at = (p) => Math.max(p.x[x], least);
    const every = front.series.flatMap((s) => s.points.filter((p) => known(p, x, y)));
    const values = every.map((p) => p.y[y]);
    const ours = front.series.filter((s) => s.key === "ours" || s.style === "design")
      .flatMap((s) => s.points.filter((p) => known(p, x, y)).map((p) => p.y[y]));
    const top = Math.max(...values);
    const low = ours.length
      ? Math.max(Math.min(...values), Math.min(...ours) - 0.5 * Math.max(top - Math.min(...ours), 0.02))
      : Math.min(...values);
    let base = low;
    if (front.majority !== null && front.majority < low && low - front.majority <= 0.6 * Math.max(top - low, 0.02)) {
      base = front.majority;
    }
    const pad = Math.max(0.09 * (top - base), 0.004);
    const shown = every.filter((p) => p.y[y] >= low);
    const logs = shown.map((p) => Math.log10(at(p)));
    const margin = Math.max(0.07 * (Math.max(...logs) - Math.min(...logs)), 0.12);
    const xs = [Math.min(...logs) - margin, Math.max(...logs) + margin];
    const ys = [Math.max(base - pad, 0), Math.min(top + pad * 1.3, 1.02)];

    const traces = [];
    const back = [...front.series].reverse();
    for (const s of back) {
      const points = s.points.filter((p) => known(p, x, y));
      const hue = colour(s.style);
      if (s.line && points.length > 1) {
        const line = edge(points, x, y);
        traces.push({ type: "scatter", mode: "lines", x: line.map(at), y: line.map((p) => 100 * p.y[y]), hoverinfo: "skip",
          line: { shape: "hv", color: hue, width: 1.5, dash: DASHES[s.style] || "solid" }, opacity: 0.55 });
      }
    }
    for (const s of back) {
      const points = s.points.filter((p) => known(p, x, y) && p.y[y] >= low);
      if (!points.length) continue;
      const hue = colour(s.style);
      const thin = s.style === "cross" || s.style === "plus";
      traces.push({
        type: "scatter", mode: "markers", name: safe(s.name), x: points.map(at), y: points.map((p) => 100 * p.y[y]),
        customdata: points.map((p) => p.key),
        text: points.map((p) => [p.name, ...p.lines].map(safe).join("<br>")),
        hovertemplate: "%{text}<extra></extra>",
        marker: {
          symbol: points.map((p) => SYMBOLS[s.style] + (p.hollow && (s.key === "ours" || s.style === "design") ? "-open" : "")),
          size: s.style === "published" ? 11 : 12, color: hue,
          line: { width: thin ? 2.4 : p0(s), color: thin || s.style === "published" ? hue : colour("paper") },
        },
      });
    }
    const chosen = every.find((p) => p.key && p.key === picked);
    if (chosen) {
      traces.push({ type: "scatter", mode: "markers", x: [at(chosen)], y: [100 * chosen.y[y]], hoverinfo: "skip",
        marker: { symbol: "circle-open", size: 23, color: colour("ink"), line: { width: 1.8, color: colour("ink") } } });
    }
    return { x, y, xs, ys, traces, every: shown, at };
  }
  const p0 = (s) => (s.style === "published" ? 1.6 : 1);

  // Names beside the points of our front, where there is room: greedily, from the most accurate downwards.
  function labels(v, width, height) {
    const px = (p) => ((Math.log10(v.at(p)) - v.xs[0]) / (v.xs[1] - v.xs[0])) * width;
    const py = (p) => ((v.ys[1] - p.y[v.y]) / (v.ys[1] - v.ys[0])) * height;
    const taken = v.every.map((p) => [px(p) - 8, py(p) - 8, px(p) + 8, py(p) + 8]);
    const found = [];
    const rank = front.series.filter((s) => s.style !== "published" && s.line)
      .flatMap((s) => edge(s.points.filter((p) => known(p, v.x, v.y) && v.every.includes(p)), v.x, v.y)
        .reverse().map((p) => ({ p, style: s.style })));
    for (const { p, style } of rank) {
      const name = p.name.length > 18 ? `${p.name.slice(0, 17)}…` : p.name;
      const w = 7 * name.length;
      const places = [["right", -10, -14], ["left", 10, 14], ["left", 10, -14], ["right", -10, 14]];
      for (const [anchor, dx, dy] of places) {
        const left = anchor === "right" ? px(p) + dx - w : px(p) + dx;
        const box = [left, py(p) + dy - 8, left + w, py(p) + dy + 8];
        if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) continue;
        if (taken.some((t) => t[0] < box[2] && box[0] < t[2] && t[1] < box[3] && box[1] < t[3])) continue;
        taken.push(box);
        found.push({ x: Math.log10(v.at(p)), y: 100 * p.y[v.y], text: safe(name), showarrow: false, xanchor: anchor,
          xshift: dx, yshift: -dy, font: { size: 12, color: colour(style) } });
        break;
      }
    }
    return found;
  }

  function draw() {
    const v = view();
    const soft = colour("soft");
    const small = narrow();
    const height = small ? 380 : 500;
    const margins = { l: small ? 40 : 52, r: small ? 8 : 16, t: 26, b: 50 };
    const line = { xref: "paper", x0: 0, x1: 1, type: "line", layer: "below" };
    const shapes = [];
    const annotations = labels(v, live.clientWidth - margins.l - margins.r, height - margins.t - margins.b);
    if (front.majority !== null && front.majority >= v.ys[0] && v.y === "test") {
      shapes.push({ ...line, y0: 100 * front.majority, y1: 100 * front.majority,
        line: { color: soft, width: 1.2, dash: "5px,4px" } });
      annotations.push({ xref: "paper", x: 1, y: 100 * front.majority, xanchor: "right", yanchor: "bottom",
        text: `majority class ${(100 * front.majority).toFixed(1)} %`, showarrow: false, font: { size: 12, color: soft } });
    }
    if (v.x === "0.6" || v.x === "1.0") {
      for (const source of front.sources) {
        const where = Math.log10(source.mw);
        if (where < v.xs[0] || where > v.xs[1]) continue;
        shapes.push({ type: "line", yref: "paper", y0: 0, y1: 1, x0: source.mw, x1: source.mw, layer: "below",
          line: { color: soft, width: 1, dash: "2px,3px" } });
        annotations.push({ x: where, yref: "paper", y: 1, yanchor: "bottom", showarrow: false,
          text: small ? source.name.replace(" battery", "") : source.name.replace("harvester", "harvester, 0.1 mW"),
          font: { size: 12, color: soft } });
      }
    }
    const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("soft") };
    const layout = {
      height, margin: margins, showlegend: false, hovermode: "closest", hoverdistance: 24,
      dragmode: small ? false : "zoom", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font,
      xaxis: { type: "log", range: v.xs, title: { text: `${TITLES[v.x]} (log scale)`, standoff: 10, font }, gridcolor: colour("rule"),
        zeroline: false, dtick: v.xs[1] - v.xs[0] > 1.2 ? 1 : "D2", minor: { dtick: "D1", ticks: "outside", ticklen: 3, tickcolor: soft },
        ticks: "outside", ticklen: 6, tickcolor: soft, linecolor: soft, showline: true,
        tickformat: "~g", exponentformat: "none", fixedrange: small },
      yaxis: { range: v.ys.map((a) => 100 * a), gridcolor: colour("rule"), zeroline: false, fixedrange: small,
        ticksuffix: small ? "" : " %", nticks: 8 },
      shapes, annotations,
      hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("soft"), align: "left",
        font: { family: font.family, size: 13, color: colour("ink") } },
    };
    return Plotly.react(live, v.traces, layout, { responsive: false, displayModeBar: false, doubleClick: "reset" });
  }

  live.hidden = false;
  live.setAttribute("role", "img");
  live.setAttribute("aria-label", front.name);
  await draw();
  document.documentElement.classList.add("drawn");
  form.hidden = false;
  document.querySelector(".hint").hidden = false;
  form.addEventListener("change", draw);
  form.addEventListener("submit", (e) => e.preventDefault());
  live.on("plotly_click", (e) => {
    const key = e.points[0].customdata;
    if (key) document.dispatchEvent(new CustomEvent("pick", { detail: key }));
  });
  document.addEventListener("picked", (e) => {
    picked = e.detail;
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = live.clientWidth;
  new ResizeObserver(() => {
    if (live.clientWidth && live.clientWidth !== width) {
      width = live.clientWidth;
      draw();
    }
  }).observe(live);
  live.dataset.ready = "yes";
})();
