"use strict";
// The page is whole without this; here are only the filters.
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const rows = [...document.querySelectorAll("#rows tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  form.hidden = false;
  const filter = () => {
    const severities = new Set([...form.querySelectorAll("[name=severity]:checked")].map((box) => box.value));
    const rule = form.elements.rule.value;
    const text = form.elements.text.value.trim().toLowerCase();
    let count = 0;
    rows.forEach((row, index) => {
      const fits = severities.has(row.dataset.severity) && (!rule || row.dataset.rule === rule) && texts[index].includes(text);
      row.hidden = !fits;
      count += fits;
    });
    shown.textContent = `${count} of ${rows.length} shown`;
    nothing.hidden = count > 0;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.querySelectorAll("button.rule").forEach((button) => button.addEventListener("click", () => {
    form.elements.rule.value = button.dataset.rule;
    filter();
    document.getElementById("findings").focus();
  }));
  filter();
})();
