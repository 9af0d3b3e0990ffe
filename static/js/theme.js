// Light or dark, before the first paint: what the person chose, else what their system says.
(() => {
  const key = "theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = localStorage.getItem(key) || (system.matches ? "dark" : "light");
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-switch-theme]")) return;
    localStorage.setItem(key, document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    apply();
  });
})();
