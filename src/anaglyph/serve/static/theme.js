// Dark or light: as the system says until its user says otherwise. A plain script, so that it runs before the
// first paint.
"use strict";
(function () {
  const names = { system: "as the system", light: "light", dark: "dark" };
  const order = Object.keys(names);
  const key = "anaglyph-theme";

  function stored() {
    try {
      const theme = localStorage.getItem(key);
      return theme in names ? theme : "system";
    } catch {
      return "system"; // storage is switched off
    }
  }

  function apply(theme) {
    document.documentElement.dataset.theme = theme;
  }

  function label(theme) {
    const button = document.getElementById("theme");
    document.getElementById("theme-name").textContent = `Theme: ${names[theme]}`;
    button.title = `Theme: ${names[theme]}`;
  }

  apply(stored());
  document.addEventListener("DOMContentLoaded", function () {
    label(stored());
    document.getElementById("theme").addEventListener("click", function () {
      const now = document.documentElement.dataset.theme;
      const next = order[(order.indexOf(now) + 1) % order.length];
      apply(next);
      label(next);
      document.dispatchEvent(new CustomEvent("anaglyph-theme"));
      try {
        localStorage.setItem(key, next);
      } catch {
        // it holds for this page
      }
    });
  });
})();
