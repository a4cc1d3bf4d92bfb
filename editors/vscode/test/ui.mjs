// The visible UI: the extension as a user installed it, driven by keys and clicks on VS Code's own page. With ANIMUS_PICTURES the
// pictures of the documentation are taken there on the way.
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

// How long anything may take: these tests ask whether it happens, and a full machine is slow.
const PATIENCE = 60_000;

let failures = 0;
// The steps build on each other: behind a failed one the others are not tried.
async function test(name, page, run) {
  if (failures > 0) return console.log(`test vscode-ui::${name} ... FAILED: a step before it failed`);
  try {
    await run();
    console.log(`test vscode-ui::${name} ... ok`);
  } catch (problem) {
    failures += 1;
    console.log(`test vscode-ui::${name} ... FAILED: ${problem.stack ?? problem}`);
    await page.screenshot({ path: join(process.env.ANIMUS_STATE_DIR, `${name}.png`) });
  }
}

async function wait(what, condition) {
  const end = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function drive(page, workspace, bin) {
  page.setDefaultTimeout(PATIENCE);
  const disk = (name) => readFileSync(join(workspace, name), "utf8");
  const picture = async (name) => {
    if (process.env.ANIMUS_PICTURES) await page.screenshot({ path: join(process.env.ANIMUS_PICTURES, `vscode-${name}.png`), animations: "disabled" });
  };
  const row = (text) => page.locator(".pane-body .monaco-list-row", { hasText: text });
  const notice = (text) => page.locator(".notification-list-item", { hasText: text });
  const quick = page.locator(".quick-input-widget");
  const command = async (title) => {
    await page.keyboard.press("F1");
    await quick.locator("input").first().fill(`>${title}`);
    await quick.locator(".monaco-list-row", { hasText: title }).first().click();
  };
  const openFile = async (name) => {
    await page.keyboard.press("Control+P");
    await quick.locator("input").first().fill(name);
    await quick.locator(".monaco-list-row", { hasText: name.split("/").at(-1) }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".tab.active", { hasText: name.split("/").at(-1) }).waitFor();
    await page.locator(".editor-instance .monaco-editor").first().click();
  };
  const lens = (text) => page.locator(".codelens-decoration a", { hasText: text });
  const original = { lib: disk("src/lib.rs"), price: disk("src/price.rs") };

  const status = page.locator("[id='animus.animus.animus.status']");

  await test("the_installed_extension_offers_ways_to_its_server", page, async () => {
    await page.locator(".monaco-workbench").waitFor();
    const missing = notice("was not found on the PATH");
    await missing.locator(".monaco-button", { hasText: "Choose File" }).waitFor();
    await missing.locator(".monaco-button", { hasText: "Show How" }).click();
    await page.locator(".getting-started-step", { hasText: "Find the server" }).waitFor();
    await page.locator(".activitybar .action-label[aria-label^='Animus']").first().click();
    await page.locator(".pane-body", { hasText: "The server of Animus does not run." }).waitFor();
  });

  await test("it_starts_once_the_server_is_there", page, async () => {
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.env.ANIMUS_BIN, join(bin, "animus"));
    await status.filter({ hasText: "Animus · demo" }).waitFor();
    await page.locator(".pane-body", { hasText: "Select code and choose a code action" }).waitFor();
    // The step of the walkthrough is done.
    await page.locator(".getting-started-step .codicon-getting-started-step-checked").first().waitFor();
    await page.keyboard.press("Control+F4");
    // A wider side bar, so that the rows can be read.
    const editor = await page.locator(".part.editor").boundingBox();
    await page.mouse.move(editor.x - 2, 400);
    await page.mouse.down();
    await page.mouse.move(editor.x + 140, 400, { steps: 5 });
    await page.mouse.up();
  });

  await test("ask_agent_to_refactor_by_ctrl_dot", page, async () => {
    await openFile("src/lib.rs");
    await page.keyboard.press("Control+G");
    await quick.locator("input").first().fill(":6");
    await page.keyboard.press("Enter");
    for (let line = 0; line < 5; line += 1) await page.keyboard.press("Shift+ArrowDown");
    const entry = page.locator(".action-widget .monaco-list-row", { hasText: "Ask agent to refactor" });
    // The server answers once it has read the file; the menu is asked for again until it does.
    await wait("the code action", async () => {
      await page.keyboard.press("Control+.");
      const there = await entry.first().waitFor({ timeout: 3_000 }).then(() => true, () => false);
      if (!there) await page.keyboard.press("Escape");
      return there;
    });
    await picture("ask");
    await entry.first().click();
    await row("Make total an iterator chain").waitFor();
  });

  await test("the_tree_shows_the_work_and_takes_words", page, async () => {
    await row("Tool calls").waitFor();
    const task = page.locator(".pane-body .monaco-list-row[aria-level='1']").first();
    await task.hover();
    await task.locator(".action-label[aria-label^='Say Something']").click();
    await quick.locator("input").first().fill("Keep the sum exact");
    await picture("work");
    await page.keyboard.press("Enter");
  });

  await test("a_command_is_allowed_in_its_notification", page, async () => {
    const asked = notice("check.sh src");
    await asked.waitFor();
    await row("waits for you").waitFor();
    await asked.locator(".monaco-button", { hasText: "Allow once" }).click();
    await row("Keep the sum exact").waitFor();
  });

  await test("another_is_allowed_for_the_session", page, async () => {
    await row("waits for you").filter({ hasText: "check.sh ." }).waitFor();
    await notice("check.sh .").locator(".monaco-button", { hasText: "All Answers" }).click();
    const answer = quick.locator(".monaco-list-row", { hasText: "session" }).filter({ hasText: "Allow" });
    await answer.first().waitFor();
    await quick.locator(".monaco-list-row.focused", { hasText: "Deny" }).waitFor();
    await picture("approve");
    await answer.first().click();
  });

  await test("hunks_are_accepted_and_refused_in_the_editor", page, async () => {
    await row("patch proposed, verified").waitFor();
    await notice("The agent proposes").locator(".monaco-button", { hasText: "Review" }).first().click();
    await lens("Accept hunk 1/").waitFor();
    await picture("review");
    await lens("Accept hunk 1/").click();
    await wait("the first hunk on disk", () => disk("src/lib.rs").includes("prices.iter().copied()"));
    await page.keyboard.press("Control+Alt+.");
    await page.locator(".tab.active", { hasText: "price.rs" }).waitFor();
    await lens("Refuse").first().waitFor();
    // Whatever is left in this file is refused, one after the other.
    await wait("the refused hunks", async () => {
      if (await lens("Refuse").first().isVisible()) await lens("Refuse").first().click({ timeout: 2_000 }).catch(() => {});
      return row("patch landed").isVisible();
    });
    if (disk("src/price.rs") !== original.price) throw new Error("what was refused is in the file");
  });

  await test("undo_takes_the_accepted_hunk_back", page, async () => {
    await command("Animus: Undo Patch");
    await row("patch undone").waitFor();
    await wait("the file as it was", () => disk("src/lib.rs") === original.lib);
  });

  await test("a_second_task_is_asked_by_words_and_cancelled", page, async () => {
    await command("Animus: Ask Agent");
    await quick.getByText("This file").waitFor();
    await quick.locator("input").first().fill("rename everything");
    await page.keyboard.press("Enter");
    await notice("Animus").locator(".monaco-button, a", { hasText: "Cancel" }).first().click();
    await row("cancelled").first().waitFor();
    await status.filter({ hasText: "$0" }).waitFor();
  });

  return failures > 0 ? 1 : 0;
}
