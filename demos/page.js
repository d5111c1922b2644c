// Photos that are pasted anywhere, or dropped beside the field, are taken as if they had been dropped on it.
(function () {
  function give(files) {
    const field = document.querySelector("#drop input[type=file]");
    if (!field || !files.length) return false;
    const taken = new DataTransfer();
    for (const file of files) taken.items.add(file);
    field.files = taken.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }
  document.addEventListener("paste", (event) => {
    if (event.clipboardData && give(event.clipboardData.files)) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (event.target.closest && event.target.closest("#drop")) return;
    event.preventDefault();
    if (event.dataTransfer) give(event.dataTransfer.files);
  });
})();
// The arrow keys go from word to word, as among all buttons of which one is chosen.
document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches || !event.target.matches("#words input")) return;
  event.preventDefault();
  const words = [...document.querySelectorAll("#words input")];
  const next = words[(words.indexOf(event.target) + step + words.length) % words.length];
  next.focus();
  next.click();
});
