// The page of a passport: a button that prints it. Without scripts the browser's own menu does.

const button = document.querySelector("#print");
button.hidden = false;
button.addEventListener("click", () => window.print());
