// Show only the details that belong to the chosen time of reading, and to the chosen use of a second reader.
(() => {
  const update = () => {
    const chosen = document.querySelector("input[name=reading_mode]:checked")?.value;
    for (const part of document.querySelectorAll("[data-shown-for]")) {
      part.hidden = part.dataset.shownFor !== chosen;
    }
    const policy = document.querySelector("input[name=reading_policy]:checked")?.value;
    for (const part of document.querySelectorAll("[data-shown-for-policy]")) {
      part.hidden = !part.dataset.shownForPolicy.split(" ").includes(policy);
    }
  };
  document.addEventListener("change", update);
  update();
})();
