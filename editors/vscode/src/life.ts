// The server's life: it is found and started, started anew where settings changed, and missed where it is not there.
import * as vscode from "vscode";
import { CloseAction, type Executable, type LanguageClient, State } from "vscode-languageclient/node";
import { locate, offer, places } from "./server";
import { announced, plain } from "./wire";

// How often a program that is missing is looked for.
const LOOK = 2_000;

export class Life implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  private complaining = false;
  private restarting = false;
  private looking: NodeJS.Timeout | undefined;
  private turn: Promise<void> = Promise.resolve();
  // Why there is no server, if there is none.
  trouble: string | undefined;

  constructor(
    private readonly client: LanguageClient,
    private readonly executable: Executable,
    private readonly context: vscode.ExtensionContext,
    private readonly busy: () => boolean,
    private readonly told: (trouble: string | undefined) => void,
  ) {
    const usual = client.createDefaultErrorHandler();
    client.clientOptions.errorHandler = {
      error: (...said) => usual.error(...said),
      closed: async () => {
        const result = await usual.closed();
        if (result.action === CloseAction.Restart) return result;
        return { ...result, handled: true };
      },
    };
    this.subscriptions = [
      client.onDidChangeState(({ newState }) => {
        if (newState === State.Running) this.say(undefined);
        else if (newState !== State.Starting) setTimeout(() => this.ended());
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (["animus.config", "animus.server", "animus.land"].some((section) => event.affectsConfiguration(section))) void this.changed();
      }),
    ];
  }

  dispose(): void {
    clearInterval(this.looking);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  // Starts the server, or offers ways to get one and starts it once it is there.
  begin(): Promise<void> {
    return (this.turn = this.turn.then(() => this.start()));
  }

  restart(): Promise<void> {
    return (this.turn = this.turn.then(async () => {
      this.restarting = true;
      if (this.client.state !== State.Stopped) await this.client.stop().catch(() => undefined);
      // The client keeps a start that failed, and would answer each later one with it.
      if (this.client.state === State.StartFailed) Object.assign(this.client, { _onStart: undefined });
      await this.start();
      this.restarting = false;
    }));
  }

  private async start(): Promise<void> {
    const found = locate(places(this.context));
    if (!found) return this.missed();
    clearInterval(this.looking);
    this.looking = undefined;
    this.executable.command = found;
    try {
      await this.client.start();
    } catch (problem) {
      this.say(`${found} did not start: ${problem instanceof Error ? problem.message : String(problem)}`);
      void this.complain();
      return;
    }
    const { capabilities, serverInfo } = this.client.initializeResult ?? {};
    const spoken = (capabilities?.experimental as { animus?: { protocol?: number } } | undefined)?.animus?.protocol;
    if (spoken === undefined || !announced.protocol.includes(spoken)) {
      this.say(`${found} (${serverInfo?.version ?? "no version"}) speaks another protocol than this extension: ${spoken ?? "none"} instead of ${announced.protocol.join()}. Bring both to the same version.`);
      void this.complain();
    }
  }

  // An end that nobody here asked for, and that no start follows.
  private ended(): void {
    if (this.trouble || this.restarting || this.client.state === State.Running || this.client.state === State.Starting) return;
    this.say("The server ended, and is not started again by itself.");
    void this.complain();
  }

  private missed(): void {
    this.say("The program animus was not found.");
    if (this.looking) return;
    void offer(places(this.context));
    this.looking = setInterval(() => {
      if (locate(places(this.context))) void this.begin();
    }, LOOK);
  }

  private async complain(): Promise<void> {
    if (this.complaining) return;
    this.complaining = true;
    const [restart, output, settings] = ["Restart", "Show Output", "Settings"];
    const answer = await vscode.window.showErrorMessage(plain(`Animus: ${this.trouble}`), restart, output, settings);
    this.complaining = false;
    if (answer === restart) await this.restart();
    if (answer === output) this.client.outputChannel.show();
    if (answer === settings) await vscode.commands.executeCommand("animus.ui.settings");
  }

  // Settings reach the server at its start.
  private async changed(): Promise<void> {
    if (this.client.state === State.Running && this.busy()) {
      const restart = "Restart and Cancel Tasks";
      if ((await vscode.window.showInformationMessage("The settings of Animus count from the next start of its server.", restart)) !== restart) return;
    }
    await this.restart();
  }

  private say(trouble: string | undefined): void {
    this.trouble = trouble;
    this.told(trouble);
    void vscode.commands.executeCommand("setContext", "animus.missing", !!trouble);
    void vscode.commands.executeCommand("setContext", "animus.running", !trouble);
  }
}
