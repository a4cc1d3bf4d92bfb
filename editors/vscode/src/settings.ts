// Settings: what the user has set of the server's configuration, as the server takes it in `initializationOptions.animus`.
import * as vscode from "vscode";

// `animus.config.SECTION.KEY` as nested objects, only those that are set. The workspace's own settings do not count: these
// settings are the machine's, and a repository must not choose them.
export function config(keys: string[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  const settings = vscode.workspace.getConfiguration();
  for (const key of keys.filter((key) => key.startsWith("animus.config."))) {
    const value = settings.inspect(key)?.globalValue;
    if (value === undefined || value === null) continue;
    const path = key.split(".").slice(2);
    let at = root;
    for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[path.at(-1) ?? ""] = value;
  }
  return root;
}

export function options(context: vscode.ExtensionContext): object {
  const { contributes } = context.extension.packageJSON as { contributes: { configuration: { properties: object }[] } };
  const set = config(contributes.configuration.flatMap(({ properties }) => Object.keys(properties)));
  const land = vscode.workspace.getConfiguration("animus").get<string>("land");
  return {
    animus: {
      ...(land === "auto" || land === "review" ? { land } : {}),
      ...(Object.keys(set).length > 0 ? { config: set } : {}),
    },
  };
}
