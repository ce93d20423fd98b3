// A list that comes anew keeps what the reader has opened, and does not move under a click.
"use strict";
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  const list = event.detail.target;
  if (list.id !== "criteria") return;
  const busy = list.querySelector("button:hover, button:active, button:focus-visible");
  if (busy) { event.detail.shouldSwap = false; return; }
  opened = [...list.querySelectorAll("details[open]")].map((one) => one.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) {
    const one = document.getElementById(id);
    if (one) one.open = true;
  }
  opened = [];
});
