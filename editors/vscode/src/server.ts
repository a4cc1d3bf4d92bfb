// The server's program: where it is looked for, and what is offered where it is not found.
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import * as vscode from "vscode";
import { plain } from "./wire";

export interface Places { setting: string; extension: string; env: NodeJS.ProcessEnv; home: string }

const PROGRAM = process.platform === "win32" ? "animus.exe" : "animus";

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// The setting alone where it says something; else the bundled program, the PATH and cargo's folder, in this order.
export function locate({ setting, extension, env, home }: Places): string | undefined {
  const onPath = (name: string) => (env.PATH ?? "").split(delimiter).filter(Boolean).map((folder) => join(folder, name));
  if (setting) {
    const path = setting.replace(/^~(?=[/\\])/, home);
    return (/[/\\]/.test(path) ? [path] : onPath(path)).find(runs);
  }
  const bundled = join(extension, "server", PROGRAM);
  const candidates = [...(env.ANIMUS_BIN ? [env.ANIMUS_BIN] : []), bundled, ...onPath(PROGRAM), join(env.CARGO_HOME ?? join(home, ".cargo"), "bin", PROGRAM)];
  return candidates.find(runs);
}

export function places(context: vscode.ExtensionContext): Places {
  const inspected = vscode.workspace.getConfiguration("animus").inspect<string>("server.path");
  return { setting: inspected?.globalValue ?? "", extension: context.extensionPath, env: process.env, home: homedir() };
}

// Says that there is none and offers ways to one. Whatever is chosen, the program is started once it is there.
export async function offer({ setting }: Places): Promise<void> {
  const [choose, how] = ["Choose File…", "Show How"];
  const text = setting ? `The setting animus.server.path names no program: ${plain(setting)}` : "The program animus was not found on the PATH, in ~/.cargo/bin or in the extension.";
  const answer = await vscode.window.showWarningMessage(text, choose, how);
  if (answer === choose) {
    const [file] = (await vscode.window.showOpenDialog({ title: "The program animus", openLabel: "Use" })) ?? [];
    if (file) await vscode.workspace.getConfiguration("animus").update("server.path", file.fsPath, vscode.ConfigurationTarget.Global);
  } else if (answer === how) {
    await vscode.commands.executeCommand("workbench.action.openWalkthrough", "animus.animus#animus.start", false);
  }
}
