// Sorts, searches and filters tables that are whole without it; the state is in location.hash.
(() => {
  "use strict";
  const AT_ONCE = 80, { compare } = new Intl.Collator("en", { numeric: true });
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const value = (cell) => cell.dataset.v ?? cell.querySelector("a")?.textContent ?? cell.textContent.trim();

  const make = (tag, properties, ...content) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...content);
    return element;
  };

  function table(element) {
    const heads = all(".heads th", element), body = element.tBodies[0], rows = [...body.rows];
    const keys = heads.map((head) => head.dataset.k);
    const self = { element, heads, keys, rows, sort, place, sorted: "", order: rows };
    let timer;

    // The first rows at once, so that a long board answers; the others as soon as those are shown.
    function place() {
      const left = self.order.filter((row) => !row.hidden);
      clearTimeout(timer);
      const add = (from) => {
        body.append(...left.slice(from, from + AT_ONCE));
        if (from + AT_ONCE < left.length) timer = setTimeout(add, 20, from + AT_ONCE);
      };
      if (left.every((row, i) => row === body.rows[i]) && !body.rows[left.length]) return;
      body.replaceChildren();
      add(0);
    }

    function sort(how) {
      const [key, down] = how.split(":"), at = keys.indexOf(key);
      if (at < 0) how = "";
      const shown = how ? rows.map((row, place) => [value(row.cells[at]), place, row]) : [];
      const numbers = shown.every(([v]) => v === "" || !isNaN(v));
      // What is missing stands last, whichever way it goes; equals stay as the board has them.
      shown.sort(([a, i], [b, j]) => {
        if (a === "" || b === "") return (a === "") - (b === "") || i - j;
        const order = numbers ? a - b : compare(a, b);
        return (down ? -order : order) || i - j;
      });
      self.order = how ? shown.map((one) => one[2]) : rows;
      heads.forEach((head, i) => {
        head.ariaSort = how && i === at ? (down ? "descending" : "ascending") : null;
      });
      self.sorted = how;
    }

    heads.forEach((head, i) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.onclick = () => {
        // Figures begin with the largest, names and tiers with the first.
        const first = head.classList.contains("n") && keys[i] !== "tier" ? keys[i] + ":d" : keys[i];
        const other = first.endsWith(":d") ? keys[i] : keys[i] + ":d";
        sort(self.sorted === first ? other : self.sorted === other ? "" : first);
        place();
        element.dispatchEvent(new Event("sorted"));
      };
    });
    return self;
  }

  const tables = all("table.board").map(table), form = document.querySelector("form.tools");
  if (!form) return;
  const main = tables[0], { heads, keys, rows } = main, fields = form.elements;
  const off = new Set(keys.filter((_, i) => "off" in heads[i].dataset));
  const text = rows.map((row) => row.cells[keys.indexOf("entry")].textContent.toLowerCase());
  const bpp = keys.indexOf("bpp"), presets = all("[data-hash]", form), inputs = ["q", "kind", "learned", "random", "flags", "bpp"].filter((name) => fields[name]);
  let hidden = new Set(off);

  function columns() {
    keys.forEach((key, i) => {
      const gone = hidden.has(key);
      if (heads[i].hidden !== gone) for (const row of [heads[i].parentNode, ...rows]) row.cells[i].hidden = gone;
    });
    // The headings of groups span what is left of them.
    let from = 0;
    for (const group of all(".groups > *", main.element)) {
      const span = +(group.dataset.span ??= group.colSpan);
      const left = keys.slice(from, from + span).filter((key) => !hidden.has(key)).length;
      group.hidden = !left;
      group.colSpan = left || 1;
      from += span;
    }
  }

  function apply() {
    const wanted = Object.fromEntries(inputs.map((name) => [name, fields[name].value.trim()]));
    const words = wanted.q.toLowerCase().split(/\s+/);
    let left = 0;
    rows.forEach((row, i) => {
      const rate = row.cells[bpp].dataset.v;
      row.hidden = !(words.every((word) => text[i].includes(word)) && (!wanted.bpp || (rate && +rate <= +wanted.bpp)) &&
        inputs.every((name) => !wanted[name] || (row.dataset[name] ?? wanted[name]) === wanted[name]));
      left += !row.hidden;
    });
    main.place();
    form.querySelector("[role=status]").textContent = `${left} of ${rows.length} entries` + (left ? "" : ": nothing fits, drop a filter");
    press();
  }

  function press() {
    for (const button of presets) button.ariaPressed = button.dataset.hash === hash();
  }

  function hash() {
    const state = new URLSearchParams();
    for (const name of inputs) if (fields[name].value) state.set(name, fields[name].value);
    if (main.sorted) state.set("sort", main.sorted);
    const changed = keys.filter((key) => hidden.has(key) !== off.has(key));
    if (changed.length) state.set("cols", changed.join(","));
    return state.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  }

  function keep() {
    press();
    history.replaceState(null, "", "#" + hash());
  }

  function restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const name of inputs) fields[name].value = state.get(name) ?? "";
    const changed = new Set((state.get("cols") ?? "").split(","));
    hidden = new Set(keys.filter((key) => off.has(key) !== changed.has(key)));
    for (const box of all(".columns input", form)) box.checked = !hidden.has(box.value);
    columns();
    main.sort(state.get("sort") ?? "");
    apply();
  }

  function csv() {
    const cell = (one) => {
      const marks = all("a", one).map((mark) => mark.textContent).join(" ");
      const said = one.matches(".tier") ? one.textContent.trim() : one.matches(".marks") ? marks : value(one);
      // No spreadsheet may take a name for a formula.
      const mark = /^[=+\-@]/.test(said) && isNaN(said) ? "'" : "";
      return `"${mark}${said.replaceAll('"', '""')}"`;
    };
    const left = [...keys.keys()].filter((i) => !heads[i].hidden), lines = [left.map((i) => `"${keys[i]}"`)];
    for (const row of main.order) if (!row.hidden) lines.push(left.map((i) => cell(row.cells[i])));
    const href = URL.createObjectURL(new Blob([lines.map((line) => line.join(",") + "\n").join("")], { type: "text/csv" }));
    make("a", { href, download: main.element.dataset.name + ".csv" }).click();
    URL.revokeObjectURL(href);
  }

  const chooser = form.querySelector(".columns");
  keys.forEach((key, i) => {
    if (key === "entry") return;
    const box = make("input", { type: "checkbox", value: key });
    box.onchange = () => { hidden[box.checked ? "delete" : "add"](key); columns(); keep(); };
    chooser.append(make("label", {}, box, " ", heads[i].dataset.name ?? heads[i].textContent.trim()));
  });
  for (const button of presets) button.onclick = () => { location.hash = button.dataset.hash; if (!button.dataset.hash) restore(); };
  form.querySelector(".csv").onclick = csv;
  for (const name of inputs) fields[name].addEventListener("input", () => { apply(); keep(); });
  main.element.addEventListener("sorted", keep);
  // A link to a part of the page leaves the view as it is.
  addEventListener("hashchange", () => all(":target")[0] || restore());
  form.hidden = false;
  restore();
})();
