// Zoom and hover on request: the library is fetched when a reader asks for it, and not before.
(() => {
  "use strict";
  const library = new URL("vendor/plotly-basic-4.1.1.min.js", document.currentScript.src).href;
  let loading;
  const load = () => (loading ??= new Promise((done, fail) => {
    document.head.append(Object.assign(document.createElement("script"), { src: library, onload: done, onerror: fail }));
  }));
  const draw = (figure, box) => {
    const style = getComputedStyle(document.body);
    const ink = style.color, paper = style.backgroundColor;
    const line = getComputedStyle(document.documentElement).getPropertyValue("--line").trim();
    const { data, layout } = JSON.parse(figure.querySelector("script").textContent);
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line };
    data.forEach((trace, i) => {
      const color = getComputedStyle(document.documentElement).getPropertyValue(`--s${i % 7}`).trim();
      trace.line.color = color;
      trace.marker.color = color;
    });
    Object.assign(layout, { paper_bgcolor: paper, plot_bgcolor: paper, font: { color: ink, family: style.fontFamily } });
    Object.assign(layout.xaxis, axis);
    Object.assign(layout.yaxis, axis);
    return window.Plotly.newPlot(box, data, layout, { responsive: true, displaylogo: false });
  };
  for (const figure of document.querySelectorAll("figure.plot")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "zoom", textContent: "Zoom and hover" });
    button.setAttribute("aria-label", "Zoom and hover: " + figure.querySelector("strong").textContent);
    button.onclick = async () => {
      const picture = figure.querySelector(":scope > svg");
      const box = Object.assign(document.createElement("div"), { className: "drawn" });
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
