// Browsers that cannot show closed details by style alone: open them for the printer, and close them again.
const closed = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) { closed.push(part); part.open = true; }
});
addEventListener("afterprint", () => { for (const part of closed.splice(0)) part.open = false; });
