// The stream of events. One connection serves all tabs of a browser, which may open only six to a server: a shared
// worker holds it. Browsers without shared workers open one for each tab.

export function open(receive, status) {
  if (typeof SharedWorker === "function") {
    const { port } = new SharedWorker("/assets/feed-worker.js", { name: "posthorn" });
    port.onmessage = ({ data }) => {
      if (data.status) status(data.status);
      if (data.events) {
        receive(data.events, data.skipped || 0);
        port.postMessage("taken");
      }
    };
    addEventListener("pagehide", () => port.postMessage("gone"));
    addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
    port.start();
    return;
  }
  const source = new EventSource("/events?since=4503599627370496"); // from now on
  source.onopen = () => status("open");
  source.onerror = () => status("lost");
  source.onmessage = (e) => receive([e.data], 0);
}

// history reads all events that the server keeps after a number.
export async function history(since, take) {
  for (let more = true; more;) {
    const answer = await fetch(`/events.json?since=${since}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const page = await answer.json();
    take(page.events);
    more = page.more && page.events.length > 0;
    if (page.events.length > 0) since = page.events.at(-1).seq;
  }
}
