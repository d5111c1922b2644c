// Photos can be pasted, or dropped anywhere on the page. They go into Gradio's field for files, as
// if they had been chosen there. Photos that are too large are skipped with an error.
(function () {
  const ownEvents = new WeakSet(); // change events that this script sent
  const MEGABYTE = 2 ** 20;

  function addFiles(files) {
    const field = document.querySelector("#drop input[type=file]");
    if (!field || !files.length) return;
    const large = files.filter((file) => file.size > MAXIMUM_BYTES);
    showErrors(large.map(describeLargeFile));
    const accepted = new DataTransfer();
    files
      .filter((file) => file.size <= MAXIMUM_BYTES)
      .forEach((file) => accepted.items.add(file));
    if (!accepted.files.length) return;
    document.activeElement.blur(); // the field of a caption, since another photo comes into view
    field.files = accepted.files;
    const event = new Event("change", { bubbles: true });
    ownEvents.add(event);
    field.dispatchEvent(event);
  }

  function describeLargeFile(file) {
    const size = Math.round(file.size / MEGABYTE);
    return `${file.name} has ${size} MB; a photo may have at most ${MAXIMUM_BYTES / MEGABYTE} MB`;
  }

  function showErrors(errors) {
    document.querySelectorAll(".large-file").forEach((line) => line.remove());
    for (const error of errors) {
      const line = document.createElement("p");
      line.className = "page-error large-file";
      line.setAttribute("role", "alert");
      line.textContent = error;
      document.querySelector("#drop").before(line);
    }
  }

  function listen(kind, handle) {
    document.addEventListener(kind, handle, true); // true: before Gradio's own listeners
  }

  listen("change", (event) => {
    if (ownEvents.has(event) || !event.target.matches("#drop input[type=file]")) return;
    event.stopImmediatePropagation();
    addFiles([...event.target.files]);
  });
  listen("paste", (event) => {
    const files = [...(event.clipboardData ? event.clipboardData.files : [])];
    if (files.length) event.preventDefault();
    addFiles(files);
  });
  listen("dragover", (event) => event.preventDefault());
  listen("drop", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    addFiles([...(event.dataTransfer ? event.dataTransfer.files : [])]);
  });

  // Enter ends a caption and goes on with the next photo's. Meanwhile the field takes no letters,
  // because they would count for the photo before.
  let leftNumber = null;
  window.leaveCaption = (values) => {
    leftNumber = values[1];
    document.activeElement.blur();
    return values;
  };
  window.enterCaption = (number) => {
    if (number !== leftNumber) document.querySelector("#caption textarea").focus();
  };

  // The table is written when it is asked for, with all that was typed until then.
  window.saveFile = (file) => {
    const link = document.createElement("a");
    link.href = file.url;
    link.download = file.orig_name || "";
    link.click();
  };

  // A reloaded page has lost its photos: the browser asks first if that costs mended captions.
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector("#learning .unsaved")) event.preventDefault();
  });

  // The arrow keys move from word to word, as in any group of radio buttons.
  listen("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches || !event.target.matches("#words input")) return;
    event.preventDefault();
    const words = [...document.querySelectorAll("#words input")];
    const place = words.indexOf(event.target) + step + words.length;
    const next = words[place % words.length];
    next.focus();
    next.click();
  });
})();
