/* What textual.js, which draws the terminal and talks to the server, leaves to its page. */

const terminal = document.querySelector("#terminal");

/* All addresses are relative to the page's own, also behind a proxy. textual.js reads these. */
const socket = new URL("ws", location.href);
socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
socket.search = socket.hash = "";
terminal.dataset.sessionWebsocketUrl = socket.href;
terminal.dataset.fontSize = Number(new URLSearchParams(location.search).get("fontsize")) || 16;

document.querySelector("#again").addEventListener("click", () => location.reload());

/* Keys go to the terminal at once, without a click. */
new MutationObserver((_, observer) => {
  if (document.body.classList.contains("-first-byte")) {
    observer.disconnect();
    terminal.querySelector("textarea").focus();
  }
}).observe(document.body, { attributeFilter: ["class"] });

/* textual.js opens downloads in new tabs, which browsers take for pop-ups and block. */
const openWindow = window.open.bind(window);
window.open = (url, ...rest) => {
  const key = new URL(url, location.href).pathname.match(/\/download\/(\w+)$/)?.[1];
  if (key === undefined) {
    return openWindow(url, ...rest);
  }
  const link = document.createElement("a");
  link.href = `download/${key}`;
  link.download = "";
  link.click();
  return null;
};
