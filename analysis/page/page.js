"use strict";
(() => {
  const root = document.documentElement, $ = (id) => document.getElementById(id);
  const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"];
  let redraw = () => {};

  const setTheme = (name) => { root.dataset.theme = name; $("theme").textContent = name === "dark" ? "light" : "dark"; redraw(); };
  $("theme").onclick = () => setTheme(root.dataset.theme === "dark" ? "light" : "dark");
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  for (const table of document.querySelectorAll("table")) {
    table.tHead.rows[0].querySelectorAll("th").forEach((head, column) => {
      head.onclick = () => {
        const up = head.getAttribute("aria-sort") !== "ascending", body = table.tBodies[0];
        const key = (row) => row.cells[column].dataset.n ?? row.cells[column].textContent;
        const compare = (a, b) => {
          const [x, y] = [key(a), key(b)], [n, m] = [parseFloat(x), parseFloat(y)];
          const order = Number.isFinite(n) && Number.isFinite(m) ? n - m : x.localeCompare(y);
          return up ? order : -order;
        };
        table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        body.append(...[...body.rows].sort(compare));
      };
    });
  }

  const data = JSON.parse($("points").textContent);
  if (!data) { root.dataset.ready = "yes"; return; }
  const sheet = new Image(), canvas = $("canvas"), pen = canvas.getContext("2d"), count = data.texts.length;
  let view = { x: 0, y: 0, scale: 1 }, hovered = -1, points, colours, shown;

  const option = (select, name) => { const o = document.createElement("option"); o.textContent = name; o.value = name; select.append(o); };
  Object.keys(data.maps).forEach((name) => option($("map"), name));
  ["none", ...Object.keys(data.labels)].forEach((name) => option($("colours"), name));

  const reset = () => {
    const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (const p of points) for (const k of [0, 1]) { low[k] = Math.min(low[k], p[k]); high[k] = Math.max(high[k], p[k]); }
    const wide = Math.max(high[0] - low[0], 1e-9), tall = Math.max(high[1] - low[1], 1e-9);
    const box = canvas.getBoundingClientRect();
    view = { x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2, scale: 0.92 * Math.min(box.width / wide, box.height / tall) };
    view.first = view.scale;
  };
  const at = (p) => {
    const box = canvas.getBoundingClientRect();
    return [box.width / 2 + (p[0] - view.x) * view.scale, box.height / 2 - (p[1] - view.y) * view.scale];
  };
  const sideNow = () => {
    const box = canvas.getBoundingClientRect();
    const room = Math.sqrt(box.width * box.height / Math.max(count, 1)) * 0.62;
    return Math.min(Math.max(room * Math.sqrt(view.scale / view.first), 7), data.side * 1.5);
  };

  redraw = () => {
    if (!points) return;
    const ratio = devicePixelRatio || 1, box = canvas.getBoundingClientRect(), side = sideNow();
    canvas.width = box.width * ratio; canvas.height = box.height * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const ink = getComputedStyle(root).getPropertyValue("--other").trim();
    for (let k = 0; k < count; k++) {
      if (!shown[k]) continue;
      const [x, y] = at(points[k]);
      if (x < -side || y < -side || x > box.width + side || y > box.height + side) continue;
      const edge = colours ? colours[k] : data.generated[k] ? ink : null;
      if (edge) { const b = Math.max(1.5, side / 9); pen.fillStyle = edge; pen.fillRect(x - side / 2 - b, y - side / 2 - b, side + 2 * b, side + 2 * b); }
      pen.drawImage(sheet, data.side * (k % data.columns), data.side * Math.floor(k / data.columns), data.side, data.side, x - side / 2, y - side / 2, side, side);
      if (k === hovered) { pen.strokeStyle = ink; pen.lineWidth = 2; pen.strokeRect(x - side / 2 - 2, y - side / 2 - 2, side + 4, side + 4); }
    }
  };

  const colourBy = (name) => {
    const legend = $("legend");
    legend.textContent = "";
    const entry = (label, colour) => {
      const s = document.createElement("span"), i = document.createElement("i");
      i.style.background = colour; s.append(i, label); legend.append(s);
    };
    colours = null;
    if (name === "none") { if (data.generated.some(Boolean)) entry("generated", "var(--other)"); return redraw(); }
    const labels = data.labels[name], counts = new Map();
    labels.forEach((l) => counts.set(l, (counts.get(l) || 0) + 1));
    const names = [...counts.keys()].filter((l) => l).sort((a, b) => counts.get(b) - counts.get(a));
    const last = COLOURS.length - 1, colour = (l) => COLOURS[Math.min(names.indexOf(l), last)];
    colours = labels.map((l) => (l ? colour(l) : null));
    names.slice(0, last).forEach((l) => entry(`${l} (${counts.get(l)})`, colour(l)));
    if (names.length > last) entry("others", COLOURS[last]);
    redraw();
  };
  const choose = () => {
    shown = data.generated.map((g) => (g ? $("generated").checked : $("real").checked));
    redraw();
  };
  const pick = (x, y) => {
    let best = -1, least = (sideNow() / 2 + 3) ** 2 * 2;
    for (let k = 0; k < count; k++) {
      if (!shown[k]) continue;
      const [px, py] = at(points[k]), d = (px - x) ** 2 + (py - y) ** 2;
      if (d <= least) { least = d; best = k; }
    }
    return best;
  };
  const show = (x, y) => {
    const card = $("card"), stage = $("stage").getBoundingClientRect();
    card.hidden = hovered < 0;
    if (hovered < 0) return;
    const k = hovered, cover = $("cover").getContext("2d");
    cover.drawImage(sheet, data.side * (k % data.columns), data.side * Math.floor(k / data.columns), data.side, data.side, 0, 0, 160, 160);
    $("text").textContent = data.texts[k];
    card.style.left = `${Math.min(x + 18, stage.width - 200)}px`;
    card.style.top = `${Math.max(8, Math.min(y + 18, stage.height - 270))}px`;
  };

  let held = null;
  canvas.onpointerdown = (e) => { held = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); };
  canvas.onpointerup = () => { held = null; };
  canvas.onpointerleave = () => { hovered = -1; show(0, 0); redraw(); };
  canvas.onpointermove = (e) => {
    if (held) {
      view.x -= (e.clientX - held[0]) / view.scale; view.y += (e.clientY - held[1]) / view.scale;
      held = [e.clientX, e.clientY];
      return redraw();
    }
    const now = pick(e.offsetX, e.offsetY);
    if (now !== hovered) { hovered = now; redraw(); }
    show(e.offsetX, e.offsetY);
  };
  canvas.onwheel = (e) => {
    e.preventDefault();
    const box = canvas.getBoundingClientRect(), factor = Math.exp(-e.deltaY / 400);
    const dx = (e.offsetX - box.width / 2) / view.scale, dy = (box.height / 2 - e.offsetY) / view.scale;
    view.x += dx - dx / factor; view.y += dy - dy / factor; view.scale *= factor;
    redraw();
  };
  canvas.ondblclick = () => { reset(); redraw(); };
  $("map").onchange = () => { points = data.maps[$("map").value]; reset(); redraw(); };
  $("colours").onchange = () => colourBy($("colours").value);
  $("real").onchange = $("generated").onchange = choose;
  addEventListener("resize", () => redraw());
  points = data.maps[$("map").value];
  sheet.onload = () => { choose(); reset(); colourBy("none"); root.dataset.ready = "yes"; };
  sheet.src = data.sheet;
})();
