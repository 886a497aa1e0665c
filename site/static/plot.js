// Zoom and hover on request: the library is fetched when a reader asks for it, and not before.
(() => {
  "use strict";
  const library = new URL("vendor/plotly-basic-4.1.1.min.js", document.currentScript.src).href;
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  let loading;
  const load = () => (loading ??= new Promise((done, fail) => {
    document.head.append(make("script", { src: library, onload: done, onerror: fail }));
  }));
  const draw = (figure, box) => {
    const style = getComputedStyle(document.body), paper = style.backgroundColor,
      color = (name) => style.getPropertyValue(name).trim(), line = color("--line");
    const { data, layout } = JSON.parse(figure.querySelector("script").textContent);
    data.forEach((trace, i) => { trace.line.color = trace.marker.color = color(`--s${i % 7}`); });
    Object.assign(layout, { paper_bgcolor: paper, plot_bgcolor: paper, font: { color: style.color, family: style.fontFamily } });
    for (const axis of [layout.xaxis, layout.yaxis]) Object.assign(axis, { gridcolor: line, zerolinecolor: line, linecolor: line });
    return window.Plotly.newPlot(box, data, layout, { responsive: true, displaylogo: false });
  };
  for (const figure of document.querySelectorAll("figure.plot")) {
    const button = make("button", { type: "button", className: "zoom", textContent: "Zoom and hover" });
    button.ariaLabel = `Zoom and hover: ${figure.querySelector("strong").textContent}`;
    button.onclick = async () => {
      const picture = figure.querySelector(":scope > svg"), box = make("div", { className: "drawn" });
      button.disabled = true;
      try {
        await load();
        picture.before(box);
        await draw(figure, box);
        picture.remove();
        figure.querySelector(":scope > .legend")?.remove();
        button.remove();
      } catch {
        box.remove();
        button.textContent = "Could not load; try again";
        button.disabled = false;
        loading = undefined;
      }
    };
    figure.querySelector("details").before(button);
  }
})();
