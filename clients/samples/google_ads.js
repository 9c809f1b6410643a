/**
 * Google Ads Script: tells Spendgate what each campaign has cost, and pauses and enables campaigns as Spendgate says.
 *
 * Schedule it hourly, the shortest that Google Ads offers. A campaign is found by its id at Google: set it as
 * `external_id` of the campaign in Spendgate. Only what this script has paused is enabled again: it bears LABEL.
 * The script fails, so that Google tells you by mail, after it has done all that could be done.
 */
var API = "https://spendgate.example.com"; // without a slash at the end
var TOKEN = "…"; // of `spendgate token create google-ads --role operator`
var SOURCE = "google-ads";
var LABEL = "paused by Spendgate";
var DAYS = 8; // Google restates costs of the last days; Spendgate takes up to 62
var SNAPSHOTS_AT_ONCE = 500;
var TRIES = 4;

function main() {
  var failures = [];
  attempt(failures, postTotals); // first, so that what is applied next knows of them
  attempt(failures, applyCommands);
  if (failures.length) throw new Error(failures.join("; "));
}

/** Posts the cost of each campaign and day. To post a total again is harmless. */
function postTotals() {
  var asOf = new Date().toISOString(); // before the search: what it finds is at least as new
  var currency = AdsApp.currentAccount().getCurrencyCode();
  var rows = AdsApp.search(
    "SELECT campaign.id, segments.date, metrics.cost_micros FROM campaign WHERE segments.date BETWEEN '" +
      dayBefore(DAYS - 1) + "' AND '" + dayBefore(0) + "'"
  );
  var snapshots = [];
  while (rows.hasNext()) {
    var row = rows.next();
    snapshots.push({
      source: SOURCE,
      external_id: String(row.campaign.id),
      day: row.segments.date,
      cost: decimal(String(row.metrics.costMicros)),
      currency: currency,
      as_of: asOf,
    });
  }
  var refused = [];
  for (var start = 0; start < snapshots.length; start += SNAPSHOTS_AT_ONCE) {
    var some = snapshots.slice(start, start + SNAPSHOTS_AT_ONCE);
    refused = refused.concat(ask("post", "/api/v1/spend-snapshots", some).refused.map(function (it) {
      return some[it.index].external_id + " " + some[it.index].day + ": " + it.message;
    }));
  }
  if (refused.length) throw new Error("refused: " + refused.slice(0, 5).join("; "));
}

/** Pauses what Spendgate has paused, and enables what this script paused and Spendgate lets run. */
function applyCommands() {
  if (!AdsApp.labels().withCondition("label.name = '" + LABEL + "'").get().hasNext()) AdsApp.createLabel(LABEL);
  var states = statesByExternalId();
  var campaigns = AdsApp.campaigns().get();
  while (campaigns.hasNext()) {
    var campaign = campaigns.next();
    var state = states[String(campaign.getId())];
    var isOurs = campaign.labels().withCondition("label.name = '" + LABEL + "'").get().hasNext();
    if (state === "paused" && campaign.isEnabled()) {
      campaign.applyLabel(LABEL); // first: were the script stopped in between, it could still be enabled again
      campaign.pause();
    } else if (state === "running" && isOurs) {
      campaign.enable();
      campaign.removeLabel(LABEL);
    }
  }
}

function statesByExternalId() {
  var states = {};
  var cursor = null;
  do {
    var page = ask("get", "/api/v1/campaigns?limit=200" + (cursor ? "&cursor=" + encodeURIComponent(cursor) : ""));
    page.items.forEach(function (it) {
      if (it.external_id) states[it.external_id] = it.state;
    });
    cursor = page.next;
  } while (cursor);
  return states;
}

/** The answer's document. Tries again what may pass by itself; throws what a person has to look at. */
function ask(method, path, body) {
  var said = "";
  for (var number = 0; number < TRIES; number++) {
    if (number) Utilities.sleep(1000 * Math.pow(2, number));
    try {
      var answer = UrlFetchApp.fetch(API + path, {
        method: method,
        contentType: "application/json",
        headers: { Authorization: "Bearer " + TOKEN },
        payload: body ? JSON.stringify(body) : undefined,
        muteHttpExceptions: true,
      });
      var status = answer.getResponseCode();
      said = path + " answers " + status + ": " + answer.getContentText().slice(0, 300);
      if (status === 202 || status === 200 || isListOfRefusals(status, answer)) {
        return JSON.parse(answer.getContentText());
      }
      if (status < 500 && status !== 429) break;
    } catch (error) {
      said = path + ": " + error.message;
    }
  }
  throw new Error(said);
}

/** Where every snapshot of a request is refused the status is not 202, and the list is there all the same. */
function isListOfRefusals(status, answer) {
  if (status !== 422) return false;
  try {
    return Array.isArray(JSON.parse(answer.getContentText()).refused);
  } catch (error) {
    return false;
  }
}

function attempt(failures, step) {
  try {
    step();
  } catch (error) {
    Logger.log(step.name + ": " + error.message);
    failures.push(step.name + ": " + error.message);
  }
}

/** A decimal of a whole number of micros, exactly. */
function decimal(micros) {
  var digits = micros.length > 6 ? micros : ("0000000" + micros).slice(-7);
  return digits.slice(0, -6) + "." + digits.slice(-6);
}

/** The date so many days ago by the account's clock, which has to be the brand's time zone. */
function dayBefore(days) {
  var account = AdsApp.currentAccount();
  return Utilities.formatDate(new Date(Date.now() - days * 86400000), account.getTimeZone(), "yyyy-MM-dd");
}
