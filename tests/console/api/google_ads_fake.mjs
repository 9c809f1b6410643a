// What Google Ads Scripts offer a script, as far as clients/samples/google_ads.js uses it, over a platform in a file.
// node google_ads_fake.mjs SCRIPT PLATFORM API TOKEN
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import vm from "node:vm";

const [script, file, api, token] = process.argv.slice(2);
const platform = JSON.parse(readFileSync(file, "utf8"));

function failing(what) {
  if (!platform.fails[what]) return;
  platform.fails[what] -= 1;
  throw new Error(`${what} fails`);
}

function iterator(items) {
  let at = 0;
  return { hasNext: () => at < items.length, next: () => items[at++] };
}

function selector(items, named) {
  let found = items;
  const it = {
    withCondition(text) {
      const name = /^label\.name = '(.*)'$/.exec(text)[1];
      found = found.filter((label) => named(label) === name);
      return it;
    },
    get: () => iterator(found),
  };
  return it;
}

function campaign(it) {
  return {
    getId: () => Number(it.id),
    isEnabled: () => it.status === "ACTIVE",
    labels: () => selector(it.labels, (label) => label),
    applyLabel(name) {
      if (!platform.labels.includes(name)) throw new Error(`there is no label ${name}`);
      it.labels.push(name);
    },
    removeLabel: (name) => (it.labels = it.labels.filter((label) => label !== name)),
    pause() {
      failing("change");
      it.status = "PAUSED";
    },
    enable() {
      failing("change");
      it.status = "ACTIVE";
    },
  };
}

// A script's fetch returns when the answer is there.
const FETCH = `
  const [url, method, headers, body] = JSON.parse(require("fs").readFileSync(0, "utf8"));
  fetch(url, { method, headers, body }).then(async (answer) =>
    process.stdout.write(JSON.stringify([answer.status, await answer.text()])));
`;

const offered = {
  Logger: { log: (text) => console.log(text) },
  Utilities: {
    sleep: () => undefined,
    formatDate(date, zone) {
      return new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(date);
    },
  },
  UrlFetchApp: {
    fetch(url, options) {
      failing("fetch");
      const headers = { ...options.headers, "Content-Type": options.contentType };
      const asked = JSON.stringify([url, options.method, headers, options.payload]);
      const [status, text] = JSON.parse(execFileSync(process.execPath, ["-e", FETCH], { input: asked }).toString());
      return { getResponseCode: () => status, getContentText: () => text };
    },
  },
  AdsApp: {
    currentAccount: () => ({ getCurrencyCode: () => platform.currency, getTimeZone: () => platform.time_zone }),
    labels: () => selector(platform.labels, (label) => label),
    createLabel: (name) => platform.labels.push(name),
    campaigns: () => ({ get: () => iterator(platform.campaigns.map(campaign)) }),
    search(query) {
      failing("report");
      const [, since, until] = /BETWEEN '(.*)' AND '(.*)'$/.exec(query);
      const rows = platform.rows.filter((row) => since <= row.day && row.day <= until);
      return iterator(
        rows.map((row) => ({
          campaign: { id: Number(row.id) },
          segments: { date: row.day },
          metrics: { costMicros: row.micros },
        })),
      );
    },
  },
};

vm.createContext(offered);
const source = readFileSync(script, "utf8");
try {
  vm.runInContext(`${source}\nAPI = ${JSON.stringify(api)}; TOKEN = ${JSON.stringify(token)}; main();`, offered);
} finally {
  writeFileSync(file, JSON.stringify(platform));
}
