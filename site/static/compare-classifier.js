// Runs before classifiers beside each other: who keeps which picture.
(() => {
  "use strict";
  const { tracks, mean, bootstrap, bound, verdict, figure, signed, fill, pairs, link } = squeezebench;
  const NAMED = 60;

  const shares = (packed) => (typeof packed === "string" ? [...packed].map(Number) : packed);
  const over = (run) => {
    const parts = run.parts.map((part) => shares(part.worst));
    return parts[0].map((_, i) => mean(parts.map((part) => part[i])));
  };

  // As benchmark/comparison.py has it: every split of the signs up to 100 gaps, else the bound.
  const lcm = (a, b) => { let [x, y] = [a, b]; while (y) [x, y] = [y, x % y]; return (a * b) / x; };
  function paired(gaps, steps) {
    const apart = gaps.filter((one) => Math.abs(one) > 1e-9);
    if (!apart.length) return [1, true];
    if (steps > 240 || apart.length > 100) return [bound(apart), false];
    let chances = [1];
    for (const one of apart) {
      const k = Math.round(Math.abs(one) * steps), next = new Array(chances.length + 2 * k).fill(0);
      chances.forEach((p, i) => { next[i] += p / 2; next[i + 2 * k] += p / 2; });
      chances = next;
    }
    const middle = (chances.length - 1) / 2, far = Math.round(Math.abs(apart.reduce((sum, one) => sum + one, 0)) * steps);
    return [Math.min(1, chances.reduce((sum, p, i) => sum + (Math.abs(i - middle) >= far ? p : 0), 0)), true];
  }

  const points = (share) => signed(100 * share, 1);
  function row(before, a, b, steps, parts) {
    const gaps = a.map((share, k) => share - b[k]), [low, high] = bootstrap(gaps);
    const only = (x, y) => (parts > 1 ? "" : String(x.filter((share, k) => share > 0.5 && y[k] <= 0.5).length));
    return [before, points(mean(gaps)), `${points(low)} to ${points(high)}`, only(a, b), only(b, a), ...verdict(paired(gaps, steps * parts))];
  }

  tracks.classifier = (chosen, names) => {
    fill("accuracy", chosen.map((run) => [link(run), run.parts.map((part) => [part.classifier, ...part.shown.map(figure)])]));
    fill("pairs", pairs(chosen, (one, other) => {
      const steps = lcm(one.draws, other.draws), n = one.parts.length;
      const each = one.parts.map((part, k) => row(part.classifier, shares(part.worst), shares(other.parts[k].worst), steps, 1));
      return n > 1 ? [row("mean of classifiers", over(one), over(other), steps, n), ...each] : each;
    }));
    fill("alone", chosen.map((one) => [one.entry, one.parts.map((part, k) => {
      const others = chosen.filter((other) => other !== one).map((other) => shares(other.parts[k].worst));
      const alone = names.filter((_, i) => shares(part.worst)[i] > 0.5 && others.every((other) => other[i] <= 0.5));
      return [part.classifier, alone.length, alone.slice(0, NAMED).join(", ") + (alone.length > NAMED ? " …" : "") || "–"];
    })]));
  };
})();
