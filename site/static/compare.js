// Compares up to four entries of a board, picture by picture, from the files in data/compare/.
(() => {
  "use strict";
  const boards = JSON.parse(document.getElementById("boards").textContent);
  const form = document.getElementById("choice"), said = document.getElementById("said");
  const result = document.getElementById("result"), root = result.dataset.root;
  const MOST = 4, NAMED = 60, RESAMPLES = 1000, EXACT = 100, DASHES = ["", "7 4", "2 4", "9 3 2 3"];
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
  const over = (run) => {
    const parts = run.parts.map((part) => shares(part.worst));
    return parts[0].map((_, i) => mean(parts.map((part) => part[i])));
  };

  // As benchmark/comparison.py has it: every split of the signs up to 100 differences, else Hoeffding's bound.
  const lcm = (a, b) => { let [x, y] = [a, b]; while (y) [x, y] = [y, x % y]; return (a * b) / x; };
  function paired(differences, steps) {
    const apart = differences.filter((one) => Math.abs(one) > 1e-9);
    const exact = steps <= 240 && apart.length <= EXACT;
    if (!apart.length) return [1, true];
    const total = Math.abs(apart.reduce((sum, one) => sum + one, 0));
    if (!exact) return [Math.min(1, 2 * Math.exp((-total * total) / (2 * apart.reduce((sum, one) => sum + one * one, 0)))), false];
    let chances = [1];
    for (const one of apart) {
      const k = Math.round(Math.abs(one) * steps), next = new Array(chances.length + 2 * k).fill(0);
      chances.forEach((chance, i) => { next[i] += chance / 2; next[i + 2 * k] += chance / 2; });
      chances = next;
    }
    const middle = (chances.length - 1) / 2, far = Math.round(total * steps);
    return [Math.min(1, chances.reduce((sum, chance, i) => sum + (Math.abs(i - middle) >= far ? chance : 0), 0)), true];
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

  function make(tag, content = [], attributes = {}, space = "http://www.w3.org/1999/xhtml") {
    const element = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...[content].flat());
    return element;
  }
  const draw = (tag, attributes, content) => make(tag, content, attributes, "http://www.w3.org/2000/svg");
  const sign = (share) => (share > 0 ? "+" : share < 0 ? "−" : "±") + Math.abs(100 * share).toFixed(1);
  const percent = (list) => (100 * mean(list)).toFixed(1);
  // The page has the tables with their heads; a column of figures is one whose head is of the class n.
  function fill(name, rows) {
    const table = result.querySelector(`[data-table=${name}]`), heads = [...table.tHead.rows[0].cells];
    const line = (row) => make("tr", row.map((cell, i) => make(i ? "td" : "th", cell, i ? { class: heads[i].className } : { scope: "row" })));
    table.tBodies[0].replaceChildren(...rows.map(line));
  }

  function pairs(chosen) {
    const rows = [];
    chosen.forEach((one, i) => chosen.slice(i + 1).forEach((other) => {
      const draws = lcm(one.draws, other.draws);
      const row = (before, a, b, steps) => {
        const differences = a.map((share, k) => share - b[k]);
        const [low, high] = bootstrap(differences), [p, exact] = paired(differences, steps * draws);
        const only = (x, y) => (steps > 1 ? "" : String(x.filter((share, k) => share > 0.5 && y[k] <= 0.5).length));
        rows.push([`${one.entry} − ${other.entry}`, before, sign(mean(differences)), `${sign(low)} to ${sign(high)}`, only(a, b), only(b, a),
          (exact ? "" : "≤ ") + (p < 0.0001 ? "< 0.0001" : p.toFixed(4)), p <= 0.05 ? "yes" : "no"]);
      };
      if (one.parts.length > 1) row("mean of classifiers", over(one), over(other), one.parts.length);
      one.parts.forEach((part, k) => row(part.classifier, shares(part.worst), shares(other.parts[k].worst), 1));
    }));
    fill("pairs", rows);
  }

  function survivors(chosen, names) {
    fill("alone", chosen.flatMap((one) => one.parts.map((part, k) => {
      const others = chosen.filter((other) => other !== one).map((other) => shares(other.parts[k].worst));
      const alone = names.filter((_, i) => shares(part.worst)[i] > 0.5 && others.every((other) => other[i] <= 0.5));
      const named = alone.slice(0, NAMED).join(", ") + (alone.length > NAMED ? " …" : "");
      return [one.entry, part.classifier, String(alone.length), named || "–"];
    })));
  }

  // The page has a frame for each board and classifier, in whose pixels runs give their curves.
  function curves(chosen, at, slug) {
    const figure = document.getElementById(`plot-${slug}-${at}`).content.cloneNode(true);
    chosen.forEach((run, i) => {
      const stroke = (points) => draw("polyline", { points, "stroke-dasharray": DASHES[i] }), { line, band } = run.parts[at];
      figure.querySelector("svg").append(draw("g", { class: `s${i}` }, [draw("polygon", { points: band }), stroke(line)]));
      const key = draw("svg", { class: `s${i}`, viewBox: "0 0 32 12", width: 32, height: 12, "aria-hidden": "true" }, stroke("0,6 32,6"));
      figure.querySelector("ul").append(make("li", [key, run.entry]));
    });
    return figure;
  }

  function show(board, chosen) {
    const names = images[board.slug];
    for (const one of result.querySelectorAll("[data-said]")) one.textContent = { threat: board.threat, images: names.length }[one.dataset.said];
    fill("accuracy", chosen.flatMap((run) => run.parts.map((part) => [make("a", run.entry, { href: root + run.page }),
      part.classifier, percent(shares(part.clean)), percent(shares(part.worst))])));
    pairs(chosen);
    survivors(chosen, names);
    result.querySelector(".plots").replaceChildren(...chosen[0].parts.map((_, at) => curves(chosen, at, board.slug)));
  }

  async function update() {
    const board = boards.find((one) => one.slug === form.elements.board.value);
    const ids = [...new Set([...form.querySelectorAll(".picks select")].map((pick) => pick.value).filter(Boolean))];
    history.replaceState(null, "", `#${board.slug}${ids.length ? "=" + ids.join(",") : ""}`);
    result.hidden = true;
    said.textContent = ids.length < 2 ? "Choose two to four entries." : "Reading…";
    if (ids.length < 2) return;
    try {
      expected = board.slug;
      await Promise.all([board.slug, ...ids].map(load));
      show(board, ids.map((id) => runs[id]));
      result.hidden = false;
      said.textContent = "";
    } catch (problem) {
      said.textContent = `${problem.message}.`;
    }
  }

  function choose(board, ids) {
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
  const find = (slug) => boards.find((one) => one.slug === slug) ?? boards[0];

  function restore() {
    const [slug, ids] = decodeURIComponent(location.hash.slice(1)).split("="), board = find(slug);
    choose(board, ids ? ids.split(",").slice(0, MOST) : board.entries.slice(0, 2).map((entry) => String(entry[0])));
  }

  if (!boards.length) {
    said.textContent = "No board has two ranked entries yet.";
    return;
  }
  form.elements.board.append(...boards.map((board) => make("option", board.title, { value: board.slug })));
  form.elements.board.onchange = () => choose(find(form.elements.board.value), []);
  addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
})();
