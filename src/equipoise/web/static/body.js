// The body map follows the answers at once; the server says the same a moment later.
"use strict";
document.addEventListener("change", (event) => {
  const map = document.querySelector("svg.body");
  if (!map || event.target.type !== "radio" && event.target.type !== "checkbox") return;
  const form = event.target.form;
  if (!form) return;
  let total = 0;
  let known = 0;
  for (const shape of map.querySelectorAll("rect[data-item]")) {
    const item = shape.dataset.item;
    const chosen = form.querySelector(`input[name="${item}"]:checked`);
    const omitted = form.querySelector(`input[name="${item}.not_done"]:checked`);
    const value = chosen && !omitted ? chosen.value : "";
    const number = document.getElementById(`body-number-${item}`);
    shape.setAttribute("class", value === "" ? "" : `level-${value}`);
    number.textContent = value;
    number.setAttribute("class", value === "" ? "" : `on-${value}`);
    if (value !== "") { total += Number(value); known += 1; }
  }
  const sum = document.getElementById("map-total");
  const count = document.getElementById("map-known");
  if (sum) sum.textContent = String(total);
  if (count) count.textContent = String(known);
});
// What was wrong is read first.
document.addEventListener("DOMContentLoaded", () => {
  const errors = document.querySelector(".errors");
  if (errors) errors.focus();
});
