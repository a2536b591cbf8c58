// One stream of events for all tabs. A tab that is slow to take what it was given gets the rest later, and is told how
// many events were too many.

const waiting = 5000; // events that wait for one tab
const tabs = new Set();
const now = 2 ** 52; // beyond all events: from now on
let source = null;
let state = "";

function connect() {
  source = new EventSource(`/events?since=${now}`);
  source.onopen = () => announce("open");
  source.onerror = () => {
    announce("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
  source.onmessage = (e) => { for (const tab of tabs) offer(tab, e.data); };
}

function announce(what) {
  state = what;
  for (const tab of tabs) tab.port.postMessage({ status: what });
}

function offer(tab, event) {
  if (tab.events.length >= waiting) {
    tab.skipped++;
    return;
  }
  tab.events.push(event);
  if (!tab.busy && !tab.timer) tab.timer = setTimeout(() => hand(tab), 16);
}

function hand(tab) {
  tab.timer = 0;
  if (tab.events.length === 0) return;
  tab.port.postMessage({ events: tab.events, skipped: tab.skipped });
  tab.busy = true;
  tab.events = [];
  tab.skipped = 0;
}

onconnect = ({ ports: [port] }) => {
  const tab = { port, events: [], skipped: 0, busy: false, timer: 0 };
  tabs.add(tab);
  port.onmessage = ({ data }) => {
    if (data === "gone") tabs.delete(tab);
    if (data === "taken") {
      tab.busy = false;
      hand(tab);
    }
  };
  if (!source) connect();
  else if (state) port.postMessage({ status: state });
};
