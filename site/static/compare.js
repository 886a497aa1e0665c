// Compares up to four entries of a board, picture by picture, from the files in data/compare/.
(() => {
  "use strict";
  const boards = JSON.parse(document.getElementById("boards").textContent);
  const form = document.getElementById("choice"), said = document.getElementById("said");
  const result = document.getElementById("result"), root = result.dataset.root;
  const MOST = 4, RESAMPLES = 1000, EXACT = 100;
  const DASHES = ["", "7 4", "2 4", "9 3 2 3"];
  const runs = {}, images = {}, loading = {};
  let expected;
  window.squeezebench = { run: (one) => { runs[one.id] = one; }, images: (list) => { images[expected] = list; } };

  const load = (name) => (loading[name] ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = `${root}data/compare/${name}.js`;
    script.onload = done;
    script.onerror = () => { delete loading[name]; fail(new Error(`data/compare/${name}.js could not be read`)); };
    document.head.append(script);
  }));

  const shares = (packed) => (typeof packed === "string" ? [...packed].map(Number) : packed);
  const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;
  const over = (run, field) => {
    const parts = run.parts.map((part) => shares(part[field]));
    return parts[0].map((_, i) => mean(parts.map((part) => part[i])));
  };

  // As benchmark/comparison.py has it: every split of the signs up to 100 differences, else Hoeffding's bound.
  const lcm = (a, b) => { let [x, y] = [a, b]; while (y) [x, y] = [y, x % y]; return (a * b) / x; };
  const exact = (differences, steps) => steps <= 240 && differences.filter((one) => Math.abs(one) > 1e-9).length <= EXACT;
  function pairedP(differences, steps) {
    const apart = differences.filter((one) => Math.abs(one) > 1e-9);
    if (!apart.length) return 1;
    const total = Math.abs(apart.reduce((sum, one) => sum + one, 0));
    if (!exact(differences, steps)) {
      return Math.min(1, 2 * Math.exp((-total * total) / (2 * apart.reduce((sum, one) => sum + one * one, 0))));
    }
    let chances = [1];
    for (const one of apart) {
      const k = Math.round(Math.abs(one) * steps), next = new Array(chances.length + 2 * k).fill(0);
      chances.forEach((chance, i) => { next[i] += chance / 2; next[i + 2 * k] += chance / 2; });
      chances = next;
    }
    const middle = (chances.length - 1) / 2, far = Math.round(total * steps);
    return Math.min(1, chances.reduce((sum, chance, i) => sum + (Math.abs(i - middle) >= far ? chance : 0), 0));
  }

  function bootstrap(differences) {
    let state = 1;
    const random = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const n = differences.length;
    const means = Array.from({ length: RESAMPLES }, () => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += differences[Math.floor(random() * n)];
      return sum / n;
    }).sort((a, b) => a - b);
    return [means[Math.floor(0.025 * RESAMPLES)], means[Math.ceil(0.975 * RESAMPLES) - 1]];
  }

  const make = (tag, content = "", attributes = {}) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...[content].flat());
    return element;
  };
  const drawing = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const sign = (share) => (share > 0 ? "+" : share < 0 ? "−" : "±") + Math.abs(100 * share).toFixed(1);
  const percent = (share) => (100 * share).toFixed(1);
  const table = (name, heads, rows) => {
    const numbers = heads.map((head) => head.startsWith("#"));
    const line = (row) => make("tr", row.map((cell, i) => make(i ? "td" : "th", cell, i ? (numbers[i] ? { class: "n" } : {}) : { scope: "row" })));
    const head = make("tr", heads.map((one, i) => make("th", one.replace("#", ""), { scope: "col", ...(numbers[i] && { class: "n" }) })));
    return make("div", make("table", [make("thead", head), make("tbody", rows.map(line))]), { class: "scroll", tabindex: 0, role: "region", "aria-label": name });
  };

  function pairs(chosen) {
    const rows = [];
    chosen.forEach((one, i) => chosen.slice(i + 1).forEach((other) => {
      const draws = lcm(one.draws, other.draws);
      const row = (before, a, b, steps) => {
        const differences = a.map((share, k) => share - b[k]);
        const [low, high] = bootstrap(differences), p = pairedP(differences, steps * draws);
        const only = (x, y) => String(x.filter((share, k) => share > 0.5 && y[k] <= 0.5).length);
        const split = steps === 1 ? [only(a, b), only(b, a)] : ["", ""];
        rows.push([`${one.entry} − ${other.entry}`, before, `${sign(mean(differences))}`, `${sign(low)} to ${sign(high)}`,
          ...split, (exact(differences, steps * draws) ? "" : "≤ ") + (p < 0.0001 ? "< 0.0001" : p.toFixed(4)), p <= 0.05 ? "yes" : "no"]);
      };
      if (one.parts.length > 1) row("mean of classifiers", over(one, "worst"), over(other, "worst"), one.parts.length);
      one.parts.forEach((part, k) => row(part.classifier, shares(part.worst), shares(other.parts[k].worst), 1));
    }));
    return table("Paired differences", ["Pair", "Before", "#Points", "#95 % interval", "#Only the first", "#Only the second", "#p", "Told apart"], rows);
  }

  function survivors(chosen, names) {
    const rows = [];
    chosen.forEach((one) => one.parts.forEach((part, k) => {
      const own = shares(part.worst), others = chosen.filter((other) => other !== one).map((other) => shares(other.parts[k].worst));
      const alone = own.map((share, i) => (share > 0.5 && others.every((other) => other[i] <= 0.5) ? i : -1)).filter((i) => i >= 0);
      rows.push([one.entry, part.classifier, String(alone.length), alone.slice(0, 60).map((i) => names[i]).join(", ") + (alone.length > 60 ? " …" : "") || "–"]);
    }));
    return table("Pictures that one alone keeps", ["Entry", "Before", "#Pictures", "Which"], rows);
  }

  function curves(chosen, at, threat) {
    const reach = Math.max(...chosen.flatMap((run) => run.parts[at].curve.map((point) => point[0]))) || 1;
    const x = (value) => 46 + (value / reach) * 500, y = (share) => 276 - share * 262;
    const name = `Worst case over the size of the attack, ${chosen[0].parts[at].classifier}`;
    const svg = drawing("svg", { viewBox: "0 0 560 320", role: "img", "aria-label": name });
    const label = (text, place) => { const element = drawing("text", place); element.textContent = text; svg.append(element); };
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(drawing("line", { class: "grid", x1: 46, x2: 546, y1: y(share), y2: y(share) }));
      label(`${100 * share} %`, { x: 38, y: y(share) + 4, "text-anchor": "end" });
    }
    for (const [radius] of chosen[0].parts[at].curve) label(String(radius), { x: x(radius), y: 294, "text-anchor": "middle" });
    label(threat.startsWith("L2") ? "L2 radius" : "largest change of a color value, in 1/255", { x: 296, y: 314, "text-anchor": "middle" });
    const legend = make("ul", [], { class: "legend" });
    chosen.forEach((run, i) => {
      const line = run.parts[at].curve, group = drawing("g", { class: `s${i}` });
      const path = (part) => line.map((point) => `${x(point[0])},${y(point[part])}`);
      group.append(drawing("polygon", { points: [...path(3), ...path(2).reverse()].join(" ") }));
      group.append(drawing("polyline", { points: path(1).join(" "), "stroke-dasharray": DASHES[i] }));
      svg.append(group);
      const key = drawing("svg", { class: `s${i}`, viewBox: "0 0 32 12", width: 32, height: 12, "aria-hidden": "true" });
      key.append(drawing("polyline", { points: "0,6 32,6", "stroke-dasharray": DASHES[i] }));
      legend.append(make("li", [key, run.entry]));
    });
    return make("figure", [make("figcaption", [make("strong", name + "."), " Bands are 95 % intervals."]), svg, legend], { class: "plot" });
  }

  function show(board, chosen) {
    const names = images[board.slug];
    const rows = chosen.map((run) => [make("a", run.entry, { href: root + run.page }),
      ...run.parts.flatMap((part) => [percent(mean(shares(part.clean))), percent(mean(shares(part.worst)))])]);
    const heads = chosen[0].parts.flatMap((part) => [`#${part.classifier} clean %`, `#${part.classifier} worst case %`]);
    result.replaceChildren(
      table("Accuracy", ["Entry", ...heads], rows),
      make("h2", "How far apart"),
      make("p", `Worst case at ${board.threat} over the same ${names.length} pictures. The interval is a paired bootstrap; p is McNemar's exact test, of draws and of several classifiers with every split of the signs counted; where more than ${EXACT} pictures differ, a bound that is never too small. It is of this pair alone; the board's tiers correct for all pairs at once, so they are stricter.`, { class: "quiet" }),
      pairs(chosen),
      make("h2", "Pictures that one alone keeps"),
      survivors(chosen, names),
      make("h2", "As the attack grows"),
      make("div", chosen[0].parts.map((_, at) => curves(chosen, at, board.threat)), { class: "plots" }),
    );
  }

  async function update() {
    const board = boards.find((one) => one.slug === form.elements.board.value);
    const ids = [...new Set([...form.querySelectorAll(".picks select")].map((pick) => pick.value).filter(Boolean))];
    history.replaceState(null, "", `#${board.slug}${ids.length ? "=" + ids.join(",") : ""}`);
    if (ids.length < 2) {
      said.textContent = "Choose two to four entries.";
      result.replaceChildren();
      return;
    }
    said.textContent = "Reading…";
    try {
      expected = board.slug;
      await Promise.all([board.slug, ...ids].map(load));
      show(board, ids.map((id) => runs[id]));
      said.textContent = "";
    } catch (problem) {
      said.textContent = `${problem.message}.`;
    }
  }

  function choose(slug, ids) {
    const board = boards.find((one) => one.slug === slug) ?? boards[0];
    form.elements.board.value = board.slug;
    const known = ids.filter((id) => board.entries.some((entry) => String(entry[0]) === id));
    const picks = Array.from({ length: MOST }, (_, i) => {
      const options = board.entries.map(([id, entry, tier]) => make("option", `${entry} (tier ${tier})`, { value: id }));
      const select = make("select", [make("option", i < 2 ? "choose" : "none", { value: "" }), ...options]);
      select.value = known[i] ?? "";
      select.onchange = update;
      return make("label", [`Entry ${i + 1} `, select]);
    });
    form.querySelector(".picks").replaceChildren(...picks);
    update();
  }

  function restore() {
    const [slug, ids] = decodeURIComponent(location.hash.slice(1)).split("=");
    const board = boards.find((one) => one.slug === slug) ?? boards[0];
    const first = board.entries.slice(0, 2).map((entry) => String(entry[0]));
    choose(board.slug, ids ? ids.split(",").slice(0, MOST) : first);
  }

  if (!boards.length) {
    said.textContent = "No board has two ranked entries yet.";
    return;
  }
  form.elements.board.append(...boards.map((board) => make("option", board.title, { value: board.slug })));
  form.elements.board.onchange = () => choose(form.elements.board.value, []);
  addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
})();
