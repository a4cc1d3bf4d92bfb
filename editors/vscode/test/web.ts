// In the browser's own extension host: the extension comes up, says what is needed, and no command fails.
import * as vscode from "vscode";
import { finish, test as named, wait } from "./check";

const test = named("vscode-web");

function equal(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${String(found)} instead of ${String(wanted)}`);
}

export async function run(): Promise<void> {
  const extension = vscode.extensions.getExtension("animus.animus");
  if (!extension) throw new Error("the extension is not there");

  await test("it_comes_up_in_the_browser", async () => {
    equal(typeof (globalThis as { importScripts?: unknown }).importScripts, "function");
    equal(extension.extensionKind, vscode.ExtensionKind.UI);
    await extension.activate();
    equal(extension.isActive, true);
  });

  await test("every_command_is_there_and_says_what_is_needed", async () => {
    const { contributes } = extension.packageJSON as { contributes: { commands: { command: string }[] } };
    const known = await vscode.commands.getCommands(true);
    for (const { command } of contributes.commands) equal(known.includes(command), true);
    // The message stays until it is closed.
    const said = vscode.commands.executeCommand("animus.ui.ask");
    await vscode.commands.executeCommand("notifications.clearAll");
    await wait("the message to go", 10_000, async () => {
      await vscode.commands.executeCommand("notifications.clearAll");
      return Promise.race([said.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 50))]);
    });
  });

  finish();
}
