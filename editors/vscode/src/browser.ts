// In a browser without a remote machine no program can be started: the view says so, and every command does.
import * as vscode from "vscode";

const WHY = "Animus starts a program, which a browser cannot. Open the folder in a window on a machine: VS Code on the desktop, over SSH, in a container or in a codespace.";

export function activate(context: vscode.ExtensionContext): void {
  const { contributes } = context.extension.packageJSON as { contributes: { commands: { command: string }[] } };
  for (const { command } of contributes.commands) {
    context.subscriptions.push(vscode.commands.registerCommand(command, () => vscode.window.showInformationMessage(WHY)));
  }
  const tree: vscode.TreeDataProvider<never> = { getChildren: () => [], getTreeItem: (item) => item };
  context.subscriptions.push(vscode.window.createTreeView("animus.tasks", { treeDataProvider: tree }));
  void vscode.commands.executeCommand("setContext", "animus.web", true);
}
