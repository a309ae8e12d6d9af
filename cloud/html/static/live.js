// What the live page does beyond htmx: counts seconds, says whether the stream stands, keeps opened stories open.
// It decides nothing and sends nothing; without it the page still works and reloads itself.
"use strict";
(function () {
  const clock = document.getElementById("clock");
  const link = document.getElementById("link");
  const announce = document.getElementById("announce");
  const part = document.querySelector("main [hx-get]"); // what the page is for: it is old when this cannot be read
  if (!clock || !link) return;
  // The server's clock counts, not this machine's.
  const offset = Number(clock.dataset.now) * 1000 - Date.now();
  const now = () => Date.now() + offset;
  const title = document.title;
  let waiting = null;

  const two = (number) => String(number).padStart(2, "0");
  function duration(seconds) {
    const whole = Math.max(Math.floor(seconds), 0);
    if (whole < 3600) return two(Math.floor(whole / 60)) + ":" + two(whole % 60);
    if (whole < 86400) return Math.floor(whole / 3600) + "小时" + two(Math.floor((whole % 3600) / 60)) + "分";
    return Math.floor(whole / 86400) + "天" + Math.floor((whole % 86400) / 3600) + "小时";
  }
  function tick() {
    clock.textContent = new Date(now()).toLocaleTimeString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });
    for (const timer of document.querySelectorAll("[data-since]")) {
      timer.textContent = duration(now() / 1000 - Number(timer.dataset.since));
    }
  }
  function count() {
    if (!announce) return; // no alarms on this page
    const holder = document.querySelector("[data-waiting]");
    const number = holder ? Number(holder.dataset.waiting) : 0;
    if (number === waiting) return;
    announce.textContent = number ? number + "个紧急呼叫等待受理" : "没有等待受理的紧急呼叫";
    document.title = number ? "（" + number + "）紧急等待 · " + title : title;
    waiting = number;
  }
  function say(word, state) {
    link.textContent = link.dataset[word];
    link.dataset.state = state;
  }

  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = Array.from(document.querySelectorAll("details[open][id]"), (details) => details.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    tick();
    count();
  });
  // The stream can stand while the page cannot be read: what is shown is then old, and must say so.
  let streaming = !document.querySelector("[sse-connect]"); // a page without a stream asks by itself
  let readable = true;
  function show() {
    if (!readable) say("stale", "off");
    else if (streaming) say("on", "on");
    else say("off", "off");
  }
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      if (event.detail.elt && event.detail.elt === part) {
        readable = false;
        show();
      }
    });
  }
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (!readable && event.detail.elt && event.detail.elt === part && event.detail.successful !== false) {
      readable = event.detail.xhr.status < 400;
      show();
    }
  });
  document.addEventListener("htmx:sseOpen", () => {
    streaming = true;
    show();
  });
  document.addEventListener("htmx:sseError", () => {
    streaming = false;
    show();
  });
  document.addEventListener("visibilitychange", () => {
    // A page that slept has missed what happened meanwhile.
    if (!document.hidden && window.htmx) {
      for (const each of document.querySelectorAll("main [hx-get]")) htmx.trigger(each, "okc:refresh");
    }
  });
  if (streaming) show();
  else say("live", "off");
  setInterval(tick, 1000);
  tick();
  count();
})();
