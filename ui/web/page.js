// Photos that are pasted, or dropped anywhere, are taken as if they had been chosen; those that are too large are named and left out.
(function () {
  const given = new WeakSet(); // events of ours
  function give(files) {
    const field = document.querySelector("#drop input[type=file]");
    if (!field || !files.length) return;
    const large = files.filter((file) => file.size > MOST_BYTES);
    tell(large.map((file) => `${file.name} has ${Math.round(file.size / 2 ** 20)} MB; at most ${MOST_BYTES / 2 ** 20} MB are taken`));
    const taken = new DataTransfer();
    files.filter((file) => file.size <= MOST_BYTES).forEach((file) => taken.items.add(file));
    if (!taken.files.length) return;
    field.files = taken.files;
    const event = new Event("change", { bubbles: true });
    given.add(event);
    field.dispatchEvent(event);
  }
  function tell(faults) {
    document.querySelectorAll(".large").forEach((one) => one.remove());
    for (const fault of faults) {
      const line = document.createElement("p");
      line.className = "fault large";
      line.setAttribute("role", "alert");
      line.textContent = fault;
      document.querySelector("#drop").before(line);
    }
  }
  function on(kind, handle) {
    document.addEventListener(kind, handle, true); // before Gradio hears of it
  }
  on("change", (event) => {
    if (given.has(event) || !event.target.matches("#drop input[type=file]")) return;
    event.stopImmediatePropagation();
    give([...event.target.files]);
  });
  on("paste", (event) => {
    const files = [...(event.clipboardData ? event.clipboardData.files : [])];
    if (files.length) event.preventDefault();
    give(files);
  });
  on("dragover", (event) => event.preventDefault());
  on("drop", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    give([...(event.dataTransfer ? event.dataTransfer.files : [])]);
  });
  // The arrow keys go from word to word, as among all buttons of which one is chosen.
  on("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches || !event.target.matches("#words input")) return;
    event.preventDefault();
    const words = [...document.querySelectorAll("#words input")];
    const next = words[(words.indexOf(event.target) + step + words.length) % words.length];
    next.focus();
    next.click();
  });
})();
