// The status page in a headless Chromium, against a running demo.
//
// The environment names the demo (GATEWAY_URL, STATUS_URL), the browser (CHROMIUM) and, if
// the documentation's pictures are to be written anew, their folder (SCREENSHOTS).
//
// Invariant: nothing waits for a time, only for what is to come; what the page shows is
// compared with what the API says.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";

const { GATEWAY_URL, STATUS_URL, CHROMIUM, SCREENSHOTS } = process.env;
const LLAMA = "vllm-llama3-8b-instruct";
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

let folder, context, page, errors;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "igw-chromium-"));
  context = await chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM, headless: true, args: FLAGS, viewport: { width: 1440, height: 1000 },
  });
  await Promise.all(Array.from({ length: 40 }, (_, n) => ask(["food-review-1", "ski-resorts", "chatbot", "meta-llama/Llama-3.1-8B-Instruct"][n % 4])));
});

after(async () => {
  await context?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  page = await context.newPage();
  errors = [];
  page.on("console", message => { if (["error", "warning"].includes(message.type())) errors.push(message.text()); });
  page.on("pageerror", error => errors.push(String(error)));
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(errors, [], "the console is empty");
});

async function ask(model, tokens = 4, prompt = "a secret prompt") {
  const answer = await fetch(GATEWAY_URL + "/v1/completions", {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt, max_tokens: tokens, ignore_eos: true }),
  });
  await answer.text();
  return answer;
}

const api = async () => (await fetch(STATUS_URL + "/api")).json();
const card = name => page.getByRole("region", { name: "Pool " + name });
const opened = async () => {
  await page.goto(STATUS_URL);
  await card(LLAMA).getByRole("row").nth(1).waitFor();
};

test("it shows each pool, its endpoints, the decisions and BBR's models", async () => {
  const view = await api();
  await opened();
  for (const pool of view.pools) {
    const rows = card(pool.name).locator("tbody tr");
    assert.equal(await rows.count(), pool.endpoints.length);
    for (const { endpoint } of pool.endpoints) await rows.filter({ hasText: endpoint }).waitFor();
  }
  const decisions = page.getByRole("region", { name: "Latest decisions" }).locator("tbody tr");
  // Other workers' choices come with their next report.
  await decisions.nth(39).waitFor();
  await page.getByRole("cell", { name: "food-review-1", exact: true }).first().waitFor();
  await decisions.first().getByRole("button", { name: "Scores" }).click();
  await decisions.first().getByText(/cost [01]\.\d\d × 3/).first().waitFor();
  await page.getByText("holds the lease").waitFor();
  assert.ok(!(await page.content()).includes("secret prompt"));
});

test("it updates itself, and pauses", async () => {
  await opened();
  const requests = () => page.locator("#tiles li").nth(1).locator("b").innerText();
  const before = await requests();
  for (let n = 0; n < 7; n++) await ask("food-review-1");
  await page.waitForFunction(
    was => document.querySelector("#tiles li:nth-child(2) b").textContent !== was, before);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("paused", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(/^updated /).waitFor();
});

test("endpoints are sorted and filtered by the keyboard alone", async () => {
  await opened();
  const addresses = () => card(LLAMA).locator("tbody tr:visible td:first-child").allInnerTexts();
  const sorted = await addresses();
  const head = card(LLAMA).getByRole("columnheader", { name: "Endpoint" });
  await head.getByRole("button").focus();
  await page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  await page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  assert.deepEqual(await addresses(), sorted.toReversed());
  await page.keyboard.press("/");
  await page.keyboard.type(sorted[1]);
  assert.deepEqual(await addresses(), [sorted[1]]);
  assert.equal(await card("gemma3").isVisible(), false);
  await page.locator("#filter").fill("no such thing");
  await page.locator("#decisions").getByText("Nothing here matches the filter.").waitFor();
});

test("every control has a name, every table a caption and heads", async () => {
  await opened();
  const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, input, select")]
    .filter(e => !(e.textContent.trim() || e.labels?.[0]?.textContent.trim())).map(e => e.outerHTML));
  assert.deepEqual(unnamed, []);
  const bare = await page.evaluate(() => [...document.querySelectorAll("table")]
    .filter(t => !t.caption?.textContent || !t.querySelector("th[scope=col]")).length);
  assert.equal(bare, 0);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
});

test("200 endpoints stay usable", async () => {
  await page.route("**/status/api", async route => {
    const view = await (await route.fetch()).json();
    const [pool] = view.pools, [first] = pool.endpoints;
    pool.endpoints = Array.from({ length: 200 }, (_, n) => ({
      ...first, endpoint: `10.0.${n >> 7}.${n % 128 + 1}:8000`, waiting: n * 7 % 23, running: n % 9,
      kv: n % 100 / 100, health: n % 50 ? "ready" : "dead", why: n % 50 ? "" : "no connection",
    }));
    await route.fulfill({ json: view });
  });
  await opened();
  const rows = card(LLAMA).locator("tbody tr");
  assert.equal(await rows.count(), 200);
  const took = await page.evaluate(async () => {
    const heads = [...document.querySelectorAll("section th button")].slice(0, 6), begin = performance.now();
    for (const head of heads) { head.click(); await new Promise(requestAnimationFrame); }
    return performance.now() - begin;
  });
  console.log(`six sorts of 200 endpoints: ${took.toFixed(0)} ms`);
  await page.locator("#trouble").check();
  assert.equal(await card(LLAMA).locator("tbody tr:visible").count(), 4);
  await picture("status-200");
});

test("a gateway that is gone is said, and the last data stay", async () => {
  await opened();
  await page.route("**/status/api", route => route.abort());
  await page.getByText(/^no answer/).waitFor();
  assert.equal(await card(LLAMA).locator("tbody tr").count(), 3);
  errors = errors.filter(text => !text.includes("ERR_FAILED"));
});

test("it is readable on a phone, in light and in dark", async () => {
  const busy = load();
  try {
    for (const [name, scheme, size] of [
      ["status-light", "light", { width: 1440, height: 1280 }],
      ["status-dark", "dark", { width: 1440, height: 1280 }],
      ["status-phone", "light", { width: 390, height: 844 }],
    ]) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme });
      await opened();
      if (SCREENSHOTS) await page.waitForTimeout(24_000);
      const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= shown, `${name}: ${wide} px wide in ${shown}`);
      await picture(name);
      if (name === "status-phone") {
        await card(LLAMA).scrollIntoViewIfNeeded();
        await card(LLAMA).evaluate(element => element.scrollIntoView());
        await picture("status-phone-pool");
      }
    }
  } finally {
    busy.stop();
  }
});

async function picture(name) {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, name + ".png") });
}

// Requests for several models, so that there is something to see.
function load() {
  let on = Boolean(SCREENSHOTS);
  const models = ["food-review-1", "meta-llama/Llama-3.1-8B-Instruct", "ski-resorts", "movie-critique", "chatbot", "english-bot", "spanish-bot", "microsoft/Phi-4-mini-instruct", "recommender"];
  const one = async n => {
    while (on) await ask(models[Math.floor(Math.random() * (n % models.length + 1))], 20 + n % 7 * 60, "a long prompt ".repeat(n * 60));
  };
  const all = Array.from({ length: on ? 90 : 0 }, (_, n) => one(n).catch(() => {}));
  return { stop: () => { on = false; return Promise.all(all); } };
}
