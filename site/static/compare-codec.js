// Runs of codecs beside each other: whose bits and whose quality an attack moves more.
(() => {
  "use strict";
  const { tracks, mean, bootstrap, bound, verdict, figure, signed, fill, pairs, link } = squeezebench;
  const SPLITS = 4096;

  // As benchmark/comparison.py has it: every split of the signs of a few gaps, else the bound.
  function paired(gaps) {
    const size = gaps.map(Math.abs).filter((one) => one > 1e-9);
    if (!size.length) return [1, true];
    if (2 ** size.length > SPLITS) return [bound(gaps), false];
    const total = Math.abs(gaps.reduce((sum, one) => sum + one, 0));
    const sums = size.reduce((found, one) => found.flatMap((sum) => [sum + one, sum - one]), [0]);
    return [mean(sums.map((sum) => +(Math.abs(sum) >= total * (1 - 1e-9)))), true];
  }

  function row(name, a, b, names, said, unit) {
    const both = names.map((_, i) => i).filter((i) => a[i] !== null && b[i] !== null);
    if (!both.length) return [name, "–", "–", "–", "–", "–", "–", "–"];
    const gaps = both.map((i) => a[i] - b[i]), far = gaps.map(Math.abs);
    const most = far.indexOf(Math.max(...far)), more = (sign) => String(gaps.filter((one) => sign * one > 1e-9).length);
    return [name, said(mean(gaps)) + unit, bootstrap(gaps).map(said).join(" to "), more(1), more(-1), ...verdict(paired(gaps)),
      `${names[both[most]]}: ${said(gaps[most])}${unit}`];
  }

  tracks.codec = (chosen, names) => {
    fill("figures", chosen.map((run) => [link(run), [run.shown.map(figure)]]));
    const logs = (run) => run.inflation.map((one) => one && Math.log(one));
    fill("pairs", pairs(chosen, (one, other) => [
      row("rate inflation", logs(one), logs(other), names, (value) => Math.exp(value).toFixed(2), "×"),
      row("PSNR loss", one.psnr_loss, other.psnr_loss, names, (value) => signed(value, 2), "\u00a0dB"),
    ]));
  };
})();
