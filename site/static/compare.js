// Compares up to four entries of a board, picture by picture, from the files in data/compare/.
// How runs of a track are compared stands in a script of the track's name, read when it is needed.
(() => {
  "use strict";
  const boards = JSON.parse(document.getElementById("boards").textContent);
  const form = document.getElementById("choice"), pick = form.elements.board, said = document.getElementById("said"), root = form.dataset.root;
  const MOST = 4, DASHES = ["", "7 4", "2 4", "9 3 2 3"];
  const runs = {}, images = {}, loading = {}, tracks = {};
  let expected, result;

  const load = (path) => (loading[path] ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = `${root}${path}.js`;
    script.onload = done;
    script.onerror = () => { delete loading[path]; fail(new Error(`cannot read ${path}.js`)); };
    document.head.append(script);
  }));

  const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;

  // 95 % of 1,000 resamples. Lehmer's generator: the same interval at every visit.
  function bootstrap(gaps) {
    let state = 1;
    const n = gaps.length, random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const means = Array.from({ length: 1000 }, () => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += gaps[(random() * n) | 0];
      return sum / n;
    }).sort((a, b) => a - b);
    return [means[25], means[974]];
  }

  // Hoeffding's bound, as benchmark/comparison.py has it.
  const bound = (gaps) => Math.min(1, 2 * Math.exp(-(mean(gaps) ** 2) * gaps.length / (2 * mean(gaps.map((one) => one * one)))));
  const verdict = ([p, exact]) => [(exact ? "" : "≤ ") + (p < 0.0001 ? "< 0.0001" : p.toFixed(4)), p <= 0.05 ? "yes" : "no"];

  function make(tag, content = [], attributes = {}, space = "http://www.w3.org/1999/xhtml") {
    const element = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...[content].flat());
    return element;
  }
  const draw = (tag, attributes, content) => make(tag, content, attributes, "http://www.w3.org/2000/svg");
  const figure = ([value, bounds]) => [make("span", value, { class: "value" }), make("span", bounds, { class: "bounds" })];
  const signed = (value, digits) => (+value.toFixed(digits) ? (value > 0 ? "+" : "−") : "") + Math.abs(value).toFixed(digits);

  // The page has the tables with their heads; a column of figures is one whose head is of the class n.
  // Each group is a name and the rows that it spans.
  function fill(name, groups) {
    const table = result.querySelector(`[data-table=${name}]`), heads = [...table.tHead.rows[0].cells];
    table.tBodies[0].replaceChildren(...groups.flatMap(([first, rows]) => rows.map((row, i) => make("tr", [
      ...(i ? [] : [make("th", first, { scope: "rowgroup", rowspan: rows.length })]),
      ...row.map((cell, k) => make("td", cell, { class: heads[k + 1].className })),
    ]))));
  }
  const pairs = (chosen, rows) => chosen.flatMap((one, i) => chosen.slice(i + 1).map((other) => [`${one.entry} against ${other.entry}`, rows(one, other)]));
  const link = (run) => make("a", run.entry, { href: root + run.page });

  // The page has frames for each board, in whose pixels runs give their curves.
  function curves(chosen, slug) {
    result.querySelector(".plots").replaceChildren(...chosen[0].curves.map((_, at) => {
      const plot = document.getElementById(`plot-${slug}-${at}`).content.cloneNode(true);
      chosen.forEach((run, i) => {
        const stroke = (points) => draw("polyline", { points, "stroke-dasharray": DASHES[i] }), { line, band } = run.curves[at];
        plot.querySelector("svg").append(draw("g", { class: `s${i}` }, [draw("polygon", { points: band }), stroke(line)]));
        const key = draw("svg", { class: `s${i}`, viewBox: "0 0 32 12", width: 32, height: 12, "aria-hidden": "true" }, stroke("0,6 32,6"));
        plot.querySelector("ul").append(make("li", [key, run.entry]));
      });
      return plot;
    }));
  }

  window.squeezebench = {
    run: (one) => { runs[one.id] = one; }, images: (list) => { images[expected] = list; },
    tracks, mean, bootstrap, bound, verdict, figure, signed, fill, pairs, link,
  };

  async function update() {
    const board = boards.find((one) => one.slug === pick.value);
    const ids = [...new Set([...form.querySelectorAll(".picks select")].map((one) => one.value).filter(Boolean))];
    history.replaceState(null, "", `#${board.slug}${ids.length ? "=" + ids.join(",") : ""}`);
    if (result) result.hidden = true;
    said.textContent = ids.length < 2 ? "Choose two to four entries." : "Reading…";
    if (ids.length < 2) return;
    try {
      expected = board.slug;
      await Promise.all([`static/compare-${board.track}`, ...[board.slug, ...ids].map((name) => `data/compare/${name}`)].map(load));
      const chosen = ids.map((id) => runs[id]), names = images[board.slug];
      result = document.querySelector(`[data-track=${board.track}]`);
      for (const one of result.querySelectorAll("[data-said]")) one.textContent = { threat: board.threat, images: names.length }[one.dataset.said];
      tracks[board.track](chosen, names);
      curves(chosen, board.slug);
      result.hidden = false;
      said.textContent = "";
    } catch (problem) {
      said.textContent = `${problem.message}.`;
    }
  }

  function choose(board, ids) {
    pick.value = board.slug;
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

  if (!boards.length) return;
  pick.append(...boards.map((board) => make("option", board.title, { value: board.slug })));
  pick.onchange = () => choose(find(pick.value), []);
  addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
})();
