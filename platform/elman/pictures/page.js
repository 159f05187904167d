"use strict";

// Pictures: drawn from the JSON beside them; what is shown at the pointer is in the colours of the page.
const dark = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll("figure")].map((figure) => ({
  place: figure.querySelector(".plot"),
  given: JSON.parse(figure.querySelector("script").textContent),
}));

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    "hoverlabel.bgcolor": of("--card"),
    "hoverlabel.bordercolor": of("--line"),
    "hoverlabel.font.color": of("--text"),
  };
}

async function draw() {
  for (const { place, given } of plots) {
    await Plotly.newPlot(place, given.data, given.layout, {
      displayModeBar: false, responsive: true,
    });
    await Plotly.relayout(place, colours());
  }
}

dark.addEventListener("change", () => plots.forEach(({ place }) => Plotly.relayout(place, colours())));
draw();

// Tables: a click on a head sorts by it, a second one the other way; what has no value stays below.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, cell: row.cells[index] }));
    rows.sort((a, b) => {
      const empty = a.cell.classList.contains("none") - b.cell.classList.contains("none");
      if (empty) return empty;
      const [x, y] = [a, b].map(({ cell }) => cell.dataset.value);
      const order = x !== undefined && y !== undefined
        ? Number(x) - Number(y)
        : a.cell.textContent.localeCompare(b.cell.textContent);
      return down ? -order : order;
    });
    body.append(...rows.map(({ row }) => row));
  }));
}
